// schema.gen.ts - Types of the REST API, generated from its schema by tools/types.lua. Do not edit.
// Refresh: build/release/kilowatch run tools/types.lua web/src/api/schema.gen.ts

type Refused = { content: { 'application/problem+json': components['schemas']['Problem'] } };

export interface paths {
  '/accounts': {
    get: {
      parameters: { query?: { limit?: number; cursor?: string; state?: ('invited' | 'active' | 'disabled')[]; sort?: string; q?: string }; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['AccountPage'] } }; default: Refused };
    };
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['AccountCreate'] } };
      responses: { 201: { content: { 'application/json': components['schemas']['Account'] } }; default: Refused };
    };
  };
  '/accounts/{id}': {
    delete: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 204: { content?: never }; default: Refused };
    };
    get: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Account'] } }; default: Refused };
    };
    patch: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['AccountPatch'] } };
      responses: { 200: { content: { 'application/json': components['schemas']['Account'] } }; default: Refused };
    };
  };
  '/accounts/{id}/invite': {
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Invitation'] } }; default: Refused };
    };
  };
  '/audit': {
    get: {
      parameters: { query?: { limit?: number; cursor?: string; account_id?: string[]; action?: string[]; object_type?: string[]; object_id?: string[]; sort?: string; from?: string; to?: string }; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['AuditEntryPage'] } }; default: Refused };
    };
  };
  '/commands': {
    get: {
      parameters: { query?: { limit?: number; cursor?: string; station_id?: string[]; action?: ('remote_start' | 'remote_stop' | 'reset' | 'unlock' | 'change_availability' | 'set_limit' | 'trigger')[]; state?: ('queued' | 'sent' | 'accepted' | 'rejected' | 'timed_out' | 'confirmed')[]; account_id?: string[]; sort?: string }; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['CommandPage'] } }; default: Refused };
    };
  };
  '/commands/{id}': {
    get: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Command'] } }; default: Refused };
    };
  };
  '/complex': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Complex'] } }; default: Refused };
    };
  };
  '/discovered': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['DiscoveredStationPage'] } }; default: Refused };
    };
  };
  '/discovered/{id}/accept': {
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path: { id: string }; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['AcceptInput'] } };
      responses: { 201: { content: { 'application/json': components['schemas']['NewStation'] } }; default: Refused };
    };
  };
  '/docs': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'text/html': string } }; default: Refused };
    };
  };
  '/docs/style.css': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'text/css': string } }; default: Refused };
    };
  };
  '/drivers': {
    get: {
      parameters: { query?: { limit?: number; cursor?: string; department?: string[]; state?: ('active' | 'blocked')[]; sort?: string; q?: string }; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['DriverPage'] } }; default: Refused };
    };
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['DriverCreate'] } };
      responses: { 201: { content: { 'application/json': components['schemas']['Driver'] } }; default: Refused };
    };
  };
  '/drivers/{id}': {
    delete: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 204: { content?: never }; default: Refused };
    };
    get: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Driver'] } }; default: Refused };
    };
    patch: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['DriverPatch'] } };
      responses: { 200: { content: { 'application/json': components['schemas']['Driver'] } }; default: Refused };
    };
  };
  '/keys': {
    get: {
      parameters: { query?: { limit?: number; cursor?: string; driver_id?: string[]; state?: ('active' | 'blocked')[]; sort?: string; q?: string }; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['KeyPage'] } }; default: Refused };
    };
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['KeyCreate'] } };
      responses: { 201: { content: { 'application/json': components['schemas']['Key'] } }; default: Refused };
    };
  };
  '/keys/unknown': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['UnknownKeyPage'] } }; default: Refused };
    };
  };
  '/keys/{id}': {
    delete: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 204: { content?: never }; default: Refused };
    };
    get: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Key'] } }; default: Refused };
    };
    patch: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['KeyPatch'] } };
      responses: { 200: { content: { 'application/json': components['schemas']['Key'] } }; default: Refused };
    };
  };
  '/keys/{id}/bind': {
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path: { id: string }; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['BindInput'] } };
      responses: { 200: { content: { 'application/json': components['schemas']['Key'] } }; default: Refused };
    };
  };
  '/nodes': {
    get: {
      parameters: { query?: { limit?: number; cursor?: string; parent_id?: string[]; kind?: ('grid' | 'transformer' | 'switchboard' | 'feeder' | 'group')[]; sort?: string; q?: string; tree?: boolean }; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['NodeInTreePage'] } }; default: Refused };
    };
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['NodeCreate'] } };
      responses: { 201: { content: { 'application/json': components['schemas']['Node'] } }; default: Refused };
    };
  };
  '/nodes/{id}': {
    delete: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 204: { content?: never }; default: Refused };
    };
    get: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Node'] } }; default: Refused };
    };
    patch: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['NodePatch'] } };
      responses: { 200: { content: { 'application/json': components['schemas']['Node'] } }; default: Refused };
    };
  };
  '/openapi.json': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': Record<string, unknown> } }; default: Refused };
    };
  };
  '/public': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Public'] } }; default: Refused };
    };
  };
  '/roles': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['RolePage'] } }; default: Refused };
    };
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['RoleCreate'] } };
      responses: { 201: { content: { 'application/json': components['schemas']['Role'] } }; default: Refused };
    };
  };
  '/roles/{id}': {
    delete: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 204: { content?: never }; default: Refused };
    };
    get: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Role'] } }; default: Refused };
    };
    patch: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['RolePatch'] } };
      responses: { 200: { content: { 'application/json': components['schemas']['Role'] } }; default: Refused };
    };
  };
  '/session': {
    delete: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 204: { content?: never }; default: Refused };
    };
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Session'] } }; default: Refused };
    };
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['SignInInput'] } };
      responses: { 200: { content: { 'application/json': components['schemas']['Session'] } }; default: Refused };
    };
  };
  '/session/password': {
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['PasswordChangeInput'] } };
      responses: { 204: { content?: never }; default: Refused };
    };
  };
  '/session/set-password': {
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['PasswordSetInput'] } };
      responses: { 200: { content: { 'application/json': components['schemas']['Session'] } }; default: Refused };
    };
  };
  '/setup': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['SetupState'] } }; default: Refused };
    };
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['SetupInput'] } };
      responses: { 201: { content: { 'application/json': components['schemas']['Session'] } }; default: Refused };
    };
  };
  '/stations': {
    get: {
      parameters: { query?: { limit?: number; cursor?: string; node_id?: string[]; sort?: string; q?: string; status?: ('available' | 'preparing' | 'charging' | 'suspended' | 'finishing' | 'reserved' | 'faulted' | 'unavailable' | 'offline' | 'unknown')[]; state?: ('available' | 'preparing' | 'charging' | 'suspended' | 'finishing' | 'reserved' | 'faulted' | 'unavailable' | 'offline' | 'unknown')[]; online?: boolean; tag?: string[] }; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['StationPage'] } }; default: Refused };
    };
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['StationCreate'] } };
      responses: { 201: { content: { 'application/json': components['schemas']['NewStation'] } }; default: Refused };
    };
  };
  '/stations/{id}': {
    delete: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 204: { content?: never }; default: Refused };
    };
    get: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Station'] } }; default: Refused };
    };
    patch: {
      parameters: { query?: never; header: { 'If-Match': string }; path: { id: string }; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['StationPatch'] } };
      responses: { 200: { content: { 'application/json': components['schemas']['Station'] } }; default: Refused };
    };
  };
  '/stations/{id}/commands': {
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path: { id: string }; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['CommandOrderInput'] } };
      responses: { 202: { content: { 'application/json': components['schemas']['Command'] } }; default: Refused };
    };
  };
  '/stations/{id}/key': {
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['StationKey'] } }; default: Refused };
    };
  };
  '/system': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['System'] } }; default: Refused };
    };
  };
  '/tokens': {
    get: {
      parameters: { query?: { limit?: number; cursor?: string; sort?: string }; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['TokenPage'] } }; default: Refused };
    };
    post: {
      parameters: { query?: never; header?: { 'Idempotency-Key'?: string }; path?: never; cookie?: never };
      requestBody: { content: { 'application/json': components['schemas']['TokenCreate'] } };
      responses: { 201: { content: { 'application/json': components['schemas']['NewToken'] } }; default: Refused };
    };
  };
  '/tokens/{id}': {
    delete: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 204: { content?: never }; default: Refused };
    };
  };
  '/transactions': {
    get: {
      parameters: { query?: { limit?: number; cursor?: string; station_id?: string[]; key_uid?: string[]; driver_id?: string[]; node_id?: string[]; state?: ('active' | 'finished' | 'suspicious')[]; stop_reason?: string[]; sort?: string; q?: string; from?: string; to?: string; min_energy_wh?: number }; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['TransactionPage'] } }; default: Refused };
    };
  };
  '/transactions/{id}': {
    get: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['Transaction'] } }; default: Refused };
    };
  };
  '/transactions/{id}/meter-values': {
    get: {
      parameters: { query?: { limit?: number; cursor?: string; measurand?: string[]; from?: string; to?: string }; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: { content: { 'application/json': components['schemas']['MeterValuePage'] } }; default: Refused };
    };
  };
}

export interface components {
  schemas: {
    AcceptInput: {
      /** Name; the id when left out. */
      name?: string;
      /** Node that feeds it. */
      node_id?: string | null;
      /** Phases; 3 when left out. */
      phases?: 1 | 3;
    };
    Account: {
      /** Free data for the site's permission policy (an object). */
      attributes: unknown;
      /** When it was made. */
      created_at: string | null;
      /** Address to sign in with; kept in small letters. */
      email: string;
      /** Id. */
      id: string;
      /** Last request. */
      last_seen_at: string | null;
      /** Name. */
      name: string;
      /** Grows by one with each change; the ETag. */
      revision: number;
      /** Roles; their rights add up. */
      role_ids: string[];
      /** `invited` has no password yet. */
      state: 'invited' | 'active' | 'disabled';
    };
    AccountCreate: {
      /** Free data for the site's permission policy (an object). */
      attributes?: unknown;
      /** Address to sign in with; kept in small letters. */
      email: string;
      /** Name. */
      name: string;
      /** Roles; their rights add up. */
      role_ids?: string[];
      /** `invited` has no password yet. */
      state?: 'invited' | 'active' | 'disabled';
    };
    AccountPage: {
      /** The rows. */
      items: components['schemas']['Account'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Rows under this filter, on all pages. */
      total: number;
    };
    AccountPatch: {
      /** Free data for the site's permission policy (an object). */
      attributes?: unknown;
      /** Address to sign in with; kept in small letters. */
      email?: string;
      /** Name. */
      name?: string;
      /** Roles; their rights add up. */
      role_ids?: string[];
      /** `invited` has no password yet. */
      state?: 'invited' | 'active' | 'disabled';
    };
    AlertCounts: {
      /** Critical. */
      critical: number | null;
      /** Information. */
      info: number | null;
      /** Warnings. */
      warning: number | null;
    };
    AuditEntry: {
      /** Who; null: nobody was signed in. */
      account_id: string | null;
      /** The name then. */
      account_name: string | null;
      /** As `station.update` or `session.refused`. */
      action: string;
      /** Address of the client. */
      address: string | null;
      /** The same fields, after. */
      after: unknown;
      /** When. */
      at: string;
      /** The fields that changed, before. */
      before: unknown;
      /** Sorts by time. */
      id: string;
      /** Its id. */
      object_id: string | null;
      /** Kind of the object. */
      object_type: string | null;
      /** Id of the request. */
      request_id: string | null;
    };
    AuditEntryPage: {
      /** The rows. */
      items: components['schemas']['AuditEntry'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Rows under this filter, on all pages. */
      total: number;
    };
    BindInput: {
      /** The driver. */
      driver_id: string;
      /** What is printed on the key. */
      label?: string | null;
    };
    Command: {
      /** Who. */
      account_id: string | null;
      /** The name then. */
      account_name: string | null;
      /** What. */
      action: 'remote_start' | 'remote_stop' | 'reset' | 'unlock' | 'change_availability' | 'set_limit' | 'trigger';
      /** When the station answered. */
      answered_at: string | null;
      /** The station's own state shows it. */
      confirmed: boolean;
      /** When its state showed it. */
      confirmed_at: string | null;
      /** Connector; null: the whole station. */
      connector_id: number | null;
      /** When it was ordered. */
      created_at: string;
      /** From order to answer. [ms] */
      duration_ms: number | null;
      /** Why not, as a slug. */
      error_code: string | null;
      /** Id. */
      id: string;
      /** The action's parameters. */
      params: unknown;
      /** When it left for the station. */
      sent_at: string | null;
      /** Where it is. */
      state: 'queued' | 'sent' | 'accepted' | 'rejected' | 'timed_out' | 'confirmed';
      /** Station. */
      station_id: string;
      /** The station's answer, in its words. */
      station_words: string | null;
    };
    CommandOrderInput: {
      /** What. */
      action: 'remote_start' | 'remote_stop' | 'reset' | 'unlock' | 'change_availability' | 'set_limit' | 'trigger';
      /** change_availability: in service or out. */
      available?: boolean | null;
      /** Connector; left out: the whole station. */
      connector_id?: number | null;
      /** Time for the answer; 60 when left out. [s] */
      deadline_s?: number | null;
      /** reset: hard instead of soft. */
      hard?: boolean | null;
      /** remote_start: RFID key to charge with. */
      key_uid?: string | null;
      /** set_limit: current a phase. [mA] */
      limit_ma?: number | null;
      /** set_limit: power. [W] */
      limit_w?: number | null;
      /** trigger: message to ask for. */
      message?: 'BootNotification' | 'DiagnosticsStatusNotification' | 'FirmwareStatusNotification' | 'Heartbeat' | 'MeterValues' | 'StatusNotification' | null;
      /** remote_stop: the transaction; left out: the only open one. */
      transaction_id?: string | null;
    };
    CommandPage: {
      /** The rows. */
      items: components['schemas']['Command'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Rows under this filter, on all pages. */
      total: number;
    };
    Complex: {
      /** Open transactions. */
      active_transactions: number;
      /** Open alerts. */
      alerts: components['schemas']['AlertCounts'] | null;
      /** When these numbers held. */
      as_of: string | null;
      /** Current now, a phase. */
      current_ma: (number | null)[];
      /** Energy since local midnight. [Wh] */
      energy_today_wh: number | null;
      /** The source of the data. */
      feed: components['schemas']['Feed'];
      /** Limit of the grid connection, a phase. */
      limit_ma: (number | null)[] | null;
      /** Limit of the grid connection. [W] */
      limit_w: number | null;
      /** Name. */
      name: string;
      /** Power now. [W] */
      power_w: number | null;
      /** Stations by state. */
      stations: components['schemas']['StationCounts'];
      /** Cars that wait for current; null: balancing is off. */
      waiting: number | null;
      /** Power withheld by balancing; null: balancing is off. [W] */
      withheld_w: number | null;
      /** IANA time zone. */
      zone: string;
    };
    ComplexName: {
      /** Name of the complex. */
      name: string;
      /** Its time zone. */
      zone: string;
    };
    Connector: {
      /** Time of the newest value. */
      as_of: string | null;
      /** Current, a phase of the station. [mA] */
      current_ma: (number | null)[] | null;
      /** Energy of the open transaction. [Wh] */
      energy_wh: number | null;
      /** OCPP error code. */
      error_code: string | null;
      /** Current without a connection. [mA] */
      fallback_ma: number | null;
      /** Most current it can give. [mA] */
      hw_max_ma: number | null;
      /** Least current it can give. [mA] */
      hw_min_ma: number | null;
      /** OCPP connector, from 1. */
      id: number;
      /** RFID key of the open transaction. */
      key_uid: string | null;
      /** Socket or plug, as `Type2`, `CCS2`. */
      kind: string | null;
      /** Limit in force. [mA] */
      limit_ma: number | null;
      /** Who set the limit. */
      limit_source: string | null;
      /** Limit in force. [W] */
      limit_w: number | null;
      /** Current offered to the car. [mA] */
      offered_ma: number | null;
      /** Power. [W] */
      power_w: number | null;
      /** Why it has this current; null: balancing is off. */
      reason: string | null;
      /** State of charge. [%] */
      soc_pct: number | null;
      /** The values are too old. */
      stale: boolean | null;
      /** Start of the open transaction. */
      started_at: string | null;
      /** Normalised state. */
      state: 'available' | 'preparing' | 'charging' | 'suspended' | 'finishing' | 'reserved' | 'faulted' | 'unavailable' | 'offline' | 'unknown' | null;
      /** OCPP word. */
      status: string | null;
      /** The station's number of the open transaction. */
      transaction_id: string | null;
    };
    ConnectorInput: {
      /** Current without a connection. [mA] */
      fallback_ma?: number | null;
      /** Most current it can give. [mA] */
      hw_max_ma?: number | null;
      /** Least current it can give. [mA] */
      hw_min_ma?: number | null;
      /** OCPP connector, from 1. */
      id: number;
      /** Socket or plug, as `Type2`, `CCS2`. */
      kind?: string | null;
    };
    DiscoveredStation: {
      /** Firmware. */
      firmware: string | null;
      /** OCPP identity. */
      id: string;
      /** Last sign of life. */
      last_seen_at: string | null;
      /** Model. */
      model: string | null;
      /** It is connected. */
      online: boolean;
      /** Vendor. */
      vendor: string | null;
    };
    DiscoveredStationPage: {
      /** The stations. */
      items: components['schemas']['DiscoveredStation'][];
      /** Always null: one page. */
      next_cursor: string | null;
      /** How many. */
      total: number;
    };
    Driver: {
      /** Energy a month. [Wh] */
      budget_wh_per_month: number | null;
      /** When it was made. */
      created_at: string | null;
      /** Department. */
      department: string | null;
      /** E-mail. */
      email: string | null;
      /** Id; made when left out. */
      id: string | null;
      /** Ids of the driver's keys. */
      keys: string[];
      /** Full name. */
      name: string;
      /** Free text. */
      note: string | null;
      /** Telephone. */
      phone: string | null;
      /** Grows by one with each change; the ETag. */
      revision: number;
      /** A blocked driver's keys are refused. */
      state: 'active' | 'blocked';
    };
    DriverCreate: {
      /** Energy a month. [Wh] */
      budget_wh_per_month?: number | null;
      /** Department. */
      department?: string | null;
      /** E-mail. */
      email?: string | null;
      /** Id; made when left out. */
      id?: string;
      /** Full name. */
      name: string;
      /** Free text. */
      note?: string | null;
      /** Telephone. */
      phone?: string | null;
      /** A blocked driver's keys are refused. */
      state?: 'active' | 'blocked';
    };
    DriverPage: {
      /** The rows. */
      items: components['schemas']['Driver'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Rows under this filter, on all pages. */
      total: number;
    };
    DriverPatch: {
      /** Energy a month. [Wh] */
      budget_wh_per_month?: number | null;
      /** Department. */
      department?: string | null;
      /** E-mail. */
      email?: string | null;
      /** Full name. */
      name?: string;
      /** Free text. */
      note?: string | null;
      /** Telephone. */
      phone?: string | null;
      /** A blocked driver's keys are refused. */
      state?: 'active' | 'blocked';
    };
    Feed: {
      /** Age of the last event when it was applied. [ms] */
      lag_ms: number | null;
      /** Time of the last event. */
      last_event_at: string | null;
      /** State of the source of the data. */
      state: 'live' | 'stale' | 'lost';
    };
    Grant: {
      /** Only at this node and below; absent: everywhere. */
      node_id: string | null;
      /** What. */
      right: 'monitoring.view' | 'nodes.view' | 'nodes.edit' | 'stations.view' | 'stations.edit' | 'stations.control' | 'balancing.view' | 'balancing.edit' | 'drivers.view' | 'drivers.edit' | 'transactions.view' | 'transactions.edit' | 'reports.view' | 'alerts.view' | 'alerts.edit' | 'accounts.view' | 'accounts.edit' | 'policies.view' | 'policies.edit' | 'audit.view' | 'system.view' | 'system.edit';
    };
    GrantInput: {
      /** Only at this node and below; absent: everywhere. */
      node_id?: string | null;
      /** What. */
      right: 'monitoring.view' | 'nodes.view' | 'nodes.edit' | 'stations.view' | 'stations.edit' | 'stations.control' | 'balancing.view' | 'balancing.edit' | 'drivers.view' | 'drivers.edit' | 'transactions.view' | 'transactions.edit' | 'reports.view' | 'alerts.view' | 'alerts.edit' | 'accounts.view' | 'accounts.edit' | 'policies.view' | 'policies.edit' | 'audit.view' | 'system.view' | 'system.edit';
    };
    Invitation: {
      /** Until when it works. */
      expires_at: string;
      /** The link, to be handed over where no mail is sent. */
      link: string | null;
      /** An e-mail is on its way. */
      sent: boolean;
    };
    Key: {
      /** Energy in all. [Wh] */
      budget_wh: number | null;
      /** When it was made. */
      created_at: string | null;
      /** Whose it is. */
      driver_id: string | null;
      /** Only in these hours (an object by day of the week). */
      hours: unknown;
      /** The UID in capitals. */
      id: string;
      /** What is printed on it. */
      label: string | null;
      /** Only at these nodes and below; null: everywhere. */
      node_ids: string[] | null;
      /** Group (parentIdTag): one may stop the other's charging. */
      parent_id: string | null;
      /** Grows by one with each change; the ETag. */
      revision: number;
      /** May it charge. */
      state: 'active' | 'blocked';
      /** UID as the reader sends it (idTag). */
      uid: string;
      /** Not before. */
      valid_from: string | null;
      /** Not after. */
      valid_until: string | null;
    };
    KeyCreate: {
      /** Energy in all. [Wh] */
      budget_wh?: number | null;
      /** Whose it is. */
      driver_id?: string | null;
      /** Only in these hours (an object by day of the week). */
      hours?: unknown;
      /** What is printed on it. */
      label?: string | null;
      /** Only at these nodes and below; null: everywhere. */
      node_ids?: string[] | null;
      /** Group (parentIdTag): one may stop the other's charging. */
      parent_id?: string | null;
      /** May it charge. */
      state?: 'active' | 'blocked';
      /** UID as the reader sends it (idTag). */
      uid: string;
      /** Not before. */
      valid_from?: string | null;
      /** Not after. */
      valid_until?: string | null;
    };
    KeyPage: {
      /** The rows. */
      items: components['schemas']['Key'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Rows under this filter, on all pages. */
      total: number;
    };
    KeyPatch: {
      /** Energy in all. [Wh] */
      budget_wh?: number | null;
      /** Whose it is. */
      driver_id?: string | null;
      /** Only in these hours (an object by day of the week). */
      hours?: unknown;
      /** What is printed on it. */
      label?: string | null;
      /** Only at these nodes and below; null: everywhere. */
      node_ids?: string[] | null;
      /** Group (parentIdTag): one may stop the other's charging. */
      parent_id?: string | null;
      /** May it charge. */
      state?: 'active' | 'blocked';
      /** Not before. */
      valid_from?: string | null;
      /** Not after. */
      valid_until?: string | null;
    };
    MeterValue: {
      /** Time of the value, by the station. */
      at: string;
      /** As `Sample.Periodic`. */
      context: string | null;
      /** Where it was measured; null: the outlet. */
      location: string | null;
      /** As in OCPP, `Power.Active.Import`. */
      measurand: string;
      /** `L1`, `L1-N`, ...; null: the whole. */
      phase: string | null;
      /** `W`, `Wh`, `mA`, `mV`, `%`; null: as the station sends it. */
      unit: string | null;
      /** In the unit of `unit`. */
      value: number;
    };
    MeterValuePage: {
      /** The rows. */
      items: components['schemas']['MeterValue'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Rows under this filter, on all pages. */
      total: number;
    };
    NewStation: {
      /** Time of the newest value. */
      as_of: string | null;
      /** Connectors; one when left out. */
      connectors: components['schemas']['Connector'][];
      /** When it was registered. */
      created_at: string | null;
      /** Current now, a phase of the station. [mA] */
      current_ma: (number | null)[] | null;
      /** It may not connect. */
      disabled: boolean;
      /** OCPP error code of the station itself. */
      error_code: string | null;
      /** As it said at boot. */
      firmware: string | null;
      /** OCPP identity. */
      id: string;
      /** The station's password (AuthorizationKey); it is not shown again. */
      key: string;
      /** Last sign of life. */
      last_seen_at: string | null;
      /** As it said at boot. */
      model: string | null;
      /** Name; the id when left out. */
      name: string | null;
      /** Node that feeds it; null: not placed. */
      node_id: string | null;
      /** Free text. */
      note: string | null;
      /** It is connected. */
      online: boolean;
      /** Phases. */
      phases: 1 | 3;
      /** Power now. [W] */
      power_w: number | null;
      /** Grows by one with each change; the ETag. */
      revision: number;
      /** The station's L1 is phase L1 + rotation of the feeder. */
      rotation: number;
      /** Least OCPP security profile: 1 password, 2 password over TLS; 0 none (where the gateway allows it). */
      security_profile: number;
      /** The values are too old. */
      stale: boolean | null;
      /** State: the worst or busiest of its connectors. */
      state: 'available' | 'preparing' | 'charging' | 'suspended' | 'finishing' | 'reserved' | 'faulted' | 'unavailable' | 'offline' | 'unknown';
      /** Free words to filter by. */
      tags: string[];
      /** As it said at boot. */
      vendor: string | null;
    };
    NewToken: {
      /** When it was made. */
      created_at: string;
      /** When it ends; null: never. */
      expires_at: string | null;
      /** Id. */
      id: string;
      /** Last request with it. */
      last_used_at: string | null;
      /** What it is for. */
      name: string;
      /** Grows by one with each change; the ETag. */
      revision: number;
      /** Rights it may use; `*`: all of the owner. */
      scopes: ('*' | 'monitoring.view' | 'nodes.view' | 'nodes.edit' | 'stations.view' | 'stations.edit' | 'stations.control' | 'balancing.view' | 'balancing.edit' | 'drivers.view' | 'drivers.edit' | 'transactions.view' | 'transactions.edit' | 'reports.view' | 'alerts.view' | 'alerts.edit' | 'accounts.view' | 'accounts.edit' | 'policies.view' | 'policies.edit' | 'audit.view' | 'system.view' | 'system.edit')[];
      /** The secret; it is not shown again. */
      token: string;
    };
    Node: {
      /** Largest load that is not charging, a phase. [mA] */
      base_worst_ma: (number | null)[] | null;
      /** Id; made when left out. */
      id: string | null;
      /** What it is. */
      kind: 'grid' | 'transformer' | 'switchboard' | 'feeder' | 'group';
      /** Limit a phase; null: none. [mA] */
      limit_ma: (number | null)[] | null;
      /** Limit in all; null: none. [W] */
      limit_w: number | null;
      /** The load now. */
      load: components['schemas']['NodeLoad'] | null;
      /** Kept free under the limit. [mA] */
      margin_ma: number;
      /** Its own meter. */
      meter_id: string | null;
      /** What the meter sees: everything, or only the rest. */
      meter_scope: 'all' | 'base' | null;
      /** Name. */
      name: string;
      /** Node above; null: the top. */
      parent_id: string | null;
      /** Grows by one with each change; the ETag. */
      revision: number;
    };
    NodeCreate: {
      /** Largest load that is not charging, a phase. [mA] */
      base_worst_ma?: (number | null)[] | null;
      /** Id; made when left out. */
      id?: string;
      /** What it is. */
      kind: 'grid' | 'transformer' | 'switchboard' | 'feeder' | 'group';
      /** Limit a phase; null: none. [mA] */
      limit_ma?: (number | null)[] | null;
      /** Limit in all; null: none. [W] */
      limit_w?: number | null;
      /** Kept free under the limit. [mA] */
      margin_ma?: number;
      /** Its own meter. */
      meter_id?: string | null;
      /** What the meter sees: everything, or only the rest. */
      meter_scope?: 'all' | 'base' | null;
      /** Name. */
      name: string;
      /** Node above; null: the top. */
      parent_id?: string | null;
    };
    NodeInTree: {
      /** Largest load that is not charging, a phase. [mA] */
      base_worst_ma: (number | null)[] | null;
      /** Nodes below, with `tree=1` only. */
      children: components['schemas']['NodeInTree'][];
      /** Id; made when left out. */
      id: string | null;
      /** What it is. */
      kind: 'grid' | 'transformer' | 'switchboard' | 'feeder' | 'group';
      /** Limit a phase; null: none. [mA] */
      limit_ma: (number | null)[] | null;
      /** Limit in all; null: none. [W] */
      limit_w: number | null;
      /** The load now. */
      load: components['schemas']['NodeLoad'] | null;
      /** Kept free under the limit. [mA] */
      margin_ma: number;
      /** Its own meter. */
      meter_id: string | null;
      /** What the meter sees: everything, or only the rest. */
      meter_scope: 'all' | 'base' | null;
      /** Name. */
      name: string;
      /** Node above; null: the top. */
      parent_id: string | null;
      /** Grows by one with each change; the ETag. */
      revision: number;
    };
    NodeInTreePage: {
      /** The rows. */
      items: components['schemas']['NodeInTree'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Rows under this filter, on all pages. */
      total: number;
    };
    NodeLoad: {
      /** Newest value in the sum. */
      as_of: string | null;
      /** Current, a phase of the feeder. */
      current_ma: (number | null)[] | null;
      /** Power. [W] */
      power_w: number | null;
      /** Worst phase (or power) against its limit; null: no limit. [1/1000] */
      ratio: number | null;
      /** A part of the sum is too old: it is at least this. */
      stale: boolean;
    };
    NodePatch: {
      /** Largest load that is not charging, a phase. [mA] */
      base_worst_ma?: (number | null)[] | null;
      /** What it is. */
      kind?: 'grid' | 'transformer' | 'switchboard' | 'feeder' | 'group';
      /** Limit a phase; null: none. [mA] */
      limit_ma?: (number | null)[] | null;
      /** Limit in all; null: none. [W] */
      limit_w?: number | null;
      /** Kept free under the limit. [mA] */
      margin_ma?: number;
      /** Its own meter. */
      meter_id?: string | null;
      /** What the meter sees: everything, or only the rest. */
      meter_scope?: 'all' | 'base' | null;
      /** Name. */
      name?: string;
      /** Node above; null: the top. */
      parent_id?: string | null;
    };
    PasswordChangeInput: {
      /** The password now. */
      current: string;
      /** The new one, 12 characters or more. */
      new: string;
    };
    PasswordSetInput: {
      /** The new password, 12 characters or more. */
      password: string;
      /** From the link. */
      token: string;
    };
    Problem: {
      /** A stable word. */
      code: string;
      /** With code `stale-revision`: the document as it is now. */
      current?: Record<string, unknown>;
      detail: string;
      /** With code `validation`. */
      errors?: {
        code: string;
        message: string;
        path: string;
      }[];
      request_id: string;
      status: number;
      title: string;
      type: string;
    };
    Public: {
      /** Whom to ask for an account; may be empty. */
      contact: string;
      /** Name of the complex. */
      name: string;
      /** The first administrator is still missing. */
      setup_needed: boolean;
      /** Version of the program. */
      version: string;
      /** IANA time zone. */
      zone: string;
    };
    Role: {
      /** Comes with the program; cannot be changed. */
      built_in: boolean | null;
      /** Id, as `night_guard`. */
      id: string;
      /** Name. */
      name: string;
      /** Grows by one with each change; the ETag. */
      revision: number;
      /** What it allows, and where. */
      rights: components['schemas']['Grant'][];
      /** Name of a built-in role in both languages. */
      title: {
        /** In English. */
        en: string;
        /** In Russian. */
        ru: string;
      } | null;
    };
    RoleCreate: {
      /** Id, as `night_guard`. */
      id: string;
      /** Name. */
      name: string;
      /** What it allows, and where. */
      rights: components['schemas']['GrantInput'][];
    };
    RolePage: {
      /** The rows. */
      items: components['schemas']['Role'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Rows under this filter, on all pages. */
      total: number;
    };
    RolePatch: {
      /** Name. */
      name?: string;
      /** What it allows, and where. */
      rights?: components['schemas']['GrantInput'][];
    };
    Session: {
      /** Who is signed in. */
      account: components['schemas']['SessionAccount'];
      /** What is watched here. */
      complex: components['schemas']['ComplexName'];
      /** When the session ends by itself. */
      expires_at: string | null;
      /** What the account may do. */
      rights: components['schemas']['Grant'][];
    };
    SessionAccount: {
      /** E-mail. */
      email: string;
      /** Id. */
      id: string;
      /** Name. */
      name: string;
      /** Roles. */
      role_ids: string[];
      /** State. */
      state: string;
    };
    SetupInput: {
      /** The setup code. */
      code: string;
      /** Address to sign in with; kept in small letters. */
      email: string;
      /** Name. */
      name: string;
      /** Password, 12 characters or more. */
      password: string;
    };
    SetupState: {
      /** Always true. */
      needed: boolean;
    };
    SignInInput: {
      /** E-mail. */
      email: string;
      /** Password. */
      password: string;
    };
    SiteFault: {
      /** Last error, with file and line. */
      error: string | null;
      /** Script. */
      name: string;
      /** `failed` or `off`. */
      state: string;
    };
    SiteState: {
      /** What is wrong. */
      faults: components['schemas']['SiteFault'][];
      /** `none`, `ok` or `faulty`. */
      state: string;
    };
    Station: {
      /** Time of the newest value. */
      as_of: string | null;
      /** Connectors; one when left out. */
      connectors: components['schemas']['Connector'][];
      /** When it was registered. */
      created_at: string | null;
      /** Current now, a phase of the station. [mA] */
      current_ma: (number | null)[] | null;
      /** It may not connect. */
      disabled: boolean;
      /** OCPP error code of the station itself. */
      error_code: string | null;
      /** As it said at boot. */
      firmware: string | null;
      /** OCPP identity. */
      id: string;
      /** Last sign of life. */
      last_seen_at: string | null;
      /** As it said at boot. */
      model: string | null;
      /** Name; the id when left out. */
      name: string | null;
      /** Node that feeds it; null: not placed. */
      node_id: string | null;
      /** Free text. */
      note: string | null;
      /** It is connected. */
      online: boolean;
      /** Phases. */
      phases: 1 | 3;
      /** Power now. [W] */
      power_w: number | null;
      /** Grows by one with each change; the ETag. */
      revision: number;
      /** The station's L1 is phase L1 + rotation of the feeder. */
      rotation: number;
      /** Least OCPP security profile: 1 password, 2 password over TLS; 0 none (where the gateway allows it). */
      security_profile: number;
      /** The values are too old. */
      stale: boolean | null;
      /** State: the worst or busiest of its connectors. */
      state: 'available' | 'preparing' | 'charging' | 'suspended' | 'finishing' | 'reserved' | 'faulted' | 'unavailable' | 'offline' | 'unknown';
      /** Free words to filter by. */
      tags: string[];
      /** As it said at boot. */
      vendor: string | null;
    };
    StationCounts: {
      /** Free. */
      available: number;
      /** Charging. */
      charging: number;
      /** Faulted. */
      faulted: number;
      /** Done, cable still in. */
      finishing: number;
      /** Not connected. */
      offline: number;
      /** A car is connected. */
      preparing: number;
      /** Reserved. */
      reserved: number;
      /** Connected, drawing nothing. */
      suspended: number;
      /** Registered stations. */
      total: number;
      /** Out of service. */
      unavailable: number;
      /** State not known. */
      unknown: number;
    };
    StationCreate: {
      /** Connectors; one when left out. */
      connectors?: components['schemas']['ConnectorInput'][];
      /** It may not connect. */
      disabled?: boolean;
      /** OCPP identity. */
      id: string;
      /** Name; the id when left out. */
      name?: string;
      /** Node that feeds it; null: not placed. */
      node_id?: string | null;
      /** Free text. */
      note?: string | null;
      /** Phases. */
      phases?: 1 | 3;
      /** The station's L1 is phase L1 + rotation of the feeder. */
      rotation?: number;
      /** Least OCPP security profile: 1 password, 2 password over TLS; 0 none (where the gateway allows it). */
      security_profile?: number;
      /** Free words to filter by. */
      tags?: string[];
    };
    StationKey: {
      /** The station. */
      id: string;
      /** The station's password; it is not shown again. */
      key: string;
    };
    StationPage: {
      /** The rows. */
      items: components['schemas']['Station'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Rows under this filter, on all pages. */
      total: number;
    };
    StationPatch: {
      /** Connectors; one when left out. */
      connectors?: components['schemas']['ConnectorInput'][];
      /** It may not connect. */
      disabled?: boolean;
      /** Name; the id when left out. */
      name?: string;
      /** Node that feeds it; null: not placed. */
      node_id?: string | null;
      /** Free text. */
      note?: string | null;
      /** Phases. */
      phases?: 1 | 3;
      /** The station's L1 is phase L1 + rotation of the feeder. */
      rotation?: number;
      /** Least OCPP security profile: 1 password, 2 password over TLS; 0 none (where the gateway allows it). */
      security_profile?: number;
      /** Free words to filter by. */
      tags?: string[];
    };
    System: {
      /** The source of the data. */
      feed: components['schemas']['Feed'];
      /** Memory of the service's Lua. [B] */
      lua_bytes: number;
      /** Scripts of the site. */
      site: components['schemas']['SiteState'];
      /** Start of the service. */
      started_at: string;
      /** Since then. [s] */
      uptime_s: number;
      /** Version of the program. */
      version: string;
    };
    Token: {
      /** When it was made. */
      created_at: string;
      /** When it ends; null: never. */
      expires_at: string | null;
      /** Id. */
      id: string;
      /** Last request with it. */
      last_used_at: string | null;
      /** What it is for. */
      name: string;
      /** Grows by one with each change; the ETag. */
      revision: number;
      /** Rights it may use; `*`: all of the owner. */
      scopes: ('*' | 'monitoring.view' | 'nodes.view' | 'nodes.edit' | 'stations.view' | 'stations.edit' | 'stations.control' | 'balancing.view' | 'balancing.edit' | 'drivers.view' | 'drivers.edit' | 'transactions.view' | 'transactions.edit' | 'reports.view' | 'alerts.view' | 'alerts.edit' | 'accounts.view' | 'accounts.edit' | 'policies.view' | 'policies.edit' | 'audit.view' | 'system.view' | 'system.edit')[];
    };
    TokenCreate: {
      /** When it ends; null: never. */
      expires_at?: string | null;
      /** What it is for. */
      name: string;
      /** Rights it may use; `*`: all of the owner. */
      scopes: ('*' | 'monitoring.view' | 'nodes.view' | 'nodes.edit' | 'stations.view' | 'stations.edit' | 'stations.control' | 'balancing.view' | 'balancing.edit' | 'drivers.view' | 'drivers.edit' | 'transactions.view' | 'transactions.edit' | 'reports.view' | 'alerts.view' | 'alerts.edit' | 'accounts.view' | 'accounts.edit' | 'policies.view' | 'policies.edit' | 'audit.view' | 'system.view' | 'system.edit')[];
    };
    TokenPage: {
      /** The rows. */
      items: components['schemas']['Token'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Rows under this filter, on all pages. */
      total: number;
    };
    Transaction: {
      /** Connector. */
      connector_id: number | null;
      /** Driver at the start. */
      driver_id: string | null;
      /** The driver's name at the start. */
      driver_name: string | null;
      /** From start to end, or to now. [s] */
      duration_s: number | null;
      /** Energy; so far, while it is active. [Wh] */
      energy_wh: number | null;
      /** Doubts, as `estimated`. */
      flags: string[];
      /** `STATION~NUMBER`. */
      id: string;
      /** RFID key. */
      key_uid: string | null;
      /** Highest power that was measured. [W] */
      max_power_w: number | null;
      /** Register at the start. [Wh] */
      meter_start_wh: number | null;
      /** Register at the end. [Wh] */
      meter_stop_wh: number | null;
      /** Node of the station at the start. */
      node_id: string | null;
      /** Grows by one with each change; the ETag. */
      revision: number;
      /** Start, by the station. */
      started_at: string | null;
      /** `suspicious`: finished, with doubts (see flags). */
      state: 'active' | 'finished' | 'suspicious';
      /** Station. */
      station_id: string;
      /** OCPP reason of the end. */
      stop_reason: string | null;
      /** End, by the station. */
      stopped_at: string | null;
      /** The station's own number of it. */
      transaction_id: string;
    };
    TransactionPage: {
      /** The rows. */
      items: components['schemas']['Transaction'][];
      /** Send it as `cursor` for the next page; null: this is the last. */
      next_cursor: string | null;
      /** Over the whole filter. */
      sum: components['schemas']['TransactionSum'];
      /** Rows under this filter, on all pages. */
      total: number;
    };
    TransactionSum: {
      /** Energy of all transactions under the filter. [Wh] */
      energy_wh: number;
    };
    UnknownKey: {
      /** At which connector. */
      connector_id: number | null;
      /** How often since the start of the service. */
      count: number;
      /** First time. */
      first_at: string;
      /** The UID in capitals. */
      id: string;
      /** Last time. */
      last_at: string;
      /** Where it was last held to a reader. */
      station_id: string | null;
      /** UID as the reader sent it. */
      uid: string;
    };
    UnknownKeyPage: {
      /** The keys, newest first. */
      items: components['schemas']['UnknownKey'][];
      /** Always null: one page. */
      next_cursor: string | null;
      /** How many. */
      total: number;
    };
  };
}
