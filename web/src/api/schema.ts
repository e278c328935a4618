// schema.ts - Paths of the REST API in the shape that openapi-fetch reads: the few that this page calls.
import type { Problem, PublicInfo, Session } from './types';

type Json<T> = { content: { 'application/json': T } };
type Refused = { content: { 'application/problem+json': Problem } };
type Parameters = { query?: never; header?: never; path?: never; cookie?: never };
type Operation<Answer> = {
  parameters: Parameters;
  requestBody?: never;
  responses: { 200: Json<Answer>; default: Refused };
};
type BodyOperation<Answer, Body> = {
  parameters: Parameters;
  requestBody: Json<Body>;
  responses: { 200: Json<Answer>; default: Refused };
};

export interface paths {
  '/public': { get: Operation<PublicInfo> };
  '/session': {
    get: Operation<Session>;
    post: BodyOperation<Session, { email: string; password: string }>;
    delete: Operation<undefined>;
  };
  '/setup': {
    get: Operation<{ needed: boolean }>;
    post: BodyOperation<Session, { code: string; email: string; name: string; password: string }>;
  };
}
