// One line of JSON a call: {call, came} or {call, failed}; the test reads them.

import { createRequire } from 'node:module';
import { join } from 'node:path';

export const load = createRequire(join(process.env.FSCTL_NPM_CLIENTS, 'clients.cjs'));

export async function told(call, promise) {
  try {
    const came = await promise;
    console.log(JSON.stringify({ call, came: came ?? null }));
    return came;
  } catch (error) {
    const failed = {
      name: error.constructor.name,
      message: error.message,
      data: error.data ?? null,
      status: error.response?.status ?? error.httpStatusCode ?? null,
      payload: error.fsErrorPayload ?? null,
    };
    console.log(JSON.stringify({ call, failed }));
    return undefined;
  }
}
