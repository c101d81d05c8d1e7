// Drives the sandbox with Fullstory's own Node client, unchanged. Its tests' switch points it at
// the sandbox: NODE_ENV=test FS_API_HOST=URL.

import { load, told } from './report.mjs';

const { init } = load('@fullstory/server-api-client');
const { users, events } = init({ apiKey: 'sandbox', integrationSource: 'fsctl-tests' });
const brief = ({ httpStatusCode, body }) => ({ httpStatusCode, body });
const asked = (call, promise) => told(call, promise.then(brief));

const person = {
  uid: 'node-1',
  display_name: 'Node One',
  email: 'node.one@example.com',
  properties: { plan: 'paid', popup_help: true, total_spent: 14.55, days_active: 2 },
  schema: { properties: { days_active: 'int' } },
};
const idempotencyKey = 'node-create-1';
const created = await asked('users.create', users.create({ body: person, idempotencyKey }));
await asked('users.create again', users.create({ body: person, idempotencyKey }));
const other = { body: { ...person, email: 'other@example.com' }, idempotencyKey };
await asked('users.create other body', users.create(other));
const { id } = created.body;
await asked('users.get', users.get({ id, includeSchema: true }));
await asked('users.list', users.list({ uid: 'node-1' }));
await asked('users.list identified', users.list({ email: 'node.one@example.com', isIdentified: true }));
await asked('users.update', users.update({ id, body: { display_name: 'Node Uno' } }));
await asked('users.update uid', users.update({ id, body: { uid: 'node-2' } }));
await asked('users.get unknown', users.get({ id: '404' }));

const event = {
  name: 'Support Ticket',
  timestamp: '2022-03-15T14:23:23Z',
  user: { uid: 'node-1' },
  context: { browser: { url: 'https://www.example.com' } },
  properties: { priority: 'Normal', source: 'Email' },
};
await asked('events.create', events.create({ body: event, idempotencyKey: 'node-event-1' }));
await asked('events.create unnamed', events.create({ body: { ...event, name: '' } }));

async function batch(call, job, start = () => job.execute()) {
  const heard = [];
  const ended = new Promise((resolve) => {
    job
      .on('created', () => heard.push('created'))
      .on('processing', () => heard.includes('processing') || heard.push('processing'))
      .on('error', (error) => heard.push(`error ${error.message}`))
      .on('abort', () => resolve(heard.push('abort')))
      .on('done', (imports, failures) => {
        heard.push('done');
        resolve({ imports, failures });
      });
  });
  start();
  const results = await ended;
  return told(call, Promise.resolve({ heard, status: job.getStatus(), ...results }));
}

const quickly = { pollInterval: 200 };
const people = [{ uid: 'batch-1', display_name: 'Batch One' }, { uid: 'batch-2' }];
const imported = users.batchCreate({ body: { requests: people }, includeSchema: true }, quickly);
await batch('users.batchCreate', imported.add({ uid: 'batch-3', properties: { seats: 3 } }));
const mixed = { requests: [{ uid: 'batch-4' }, { uid: 'x'.repeat(300) }] };
await batch('users.batchCreate failing', users.batchCreate({ body: mixed }, quickly));
const unknown = users.batchCreate({ body: { requests: [] } }, quickly);
await batch('users.batchCreate unknown job', unknown, () => unknown.restart('no-such-job='));
// The sandbox is told to refuse the first of these with 429: the client waits and tries again.
const orders = { requests: [event, { ...event, name: 'Order shipped' }] };
await batch('events.batchCreate', events.batchCreate({ body: orders }, quickly));

await asked('users.delete id', users.delete({ id }));
await asked('users.get deleted', users.get({ id }));
await asked('users.delete uid', users.delete({ uid: 'batch-1' }));
