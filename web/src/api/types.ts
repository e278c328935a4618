// types.ts - The part of the REST API that this page reads, by hand, as docs/api.md has it.
export interface Account {
  id: string;
  email: string;
  name: string;
  role_ids: string[];
  state: string;
}

export interface Right {
  right: string;
  node_id?: string | null;
}

export interface Session {
  account: Account;
  rights: Right[];
  complex: { name: string; zone: string };
}

export interface PublicInfo {
  name: string;
  zone: string;
  version: string;
  contact: string | null;
  setup_needed: boolean;
}

/** RFC 9457, the only shape of an error. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: string;
  request_id?: string;
  errors?: { path: string; code: string; message: string }[];
}
