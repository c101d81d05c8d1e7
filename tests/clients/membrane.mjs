// Drives the sandbox with Membrane's own JavaScript client, unchanged. argv: the sandbox's URL.

import { load, told } from './report.mjs';

const { MembraneClient } = load('@membranehq/sdk');
const apiUri = process.argv[2];

// The client mints its token from a workspace secret, as a back end does.
const membrane = new MembraneClient({
  apiUri,
  workspaceKey: 'sandbox',
  workspaceSecret: 'a secret of at least 32 characters!',
  tenantKey: 'sandbox',
});

await told('self.get', membrane.self.get());

const { items } = await told('connections.find', membrane.connections.find());
const id = items[0].id;
const connection = membrane.connection(id);
await told('connections.find limit', membrane.connections.find({ limit: 1, search: 'fullstory' }));
await told('connection.get', connection.get());
await told('connection.get unknown', membrane.connection('nobody').get());
await told('connection.refreshCredentials', connection.refreshCredentials());

const ensure = { appUrl: 'https://fullstory.com' };
await told('connections/ensure', membrane.post('/connections/ensure', ensure));
await told('connections/ensure other', membrane.post('/connections/ensure', { appUrl: 'slack.com' }));
await told('connection wait', membrane.get(`/connections/${id}`, { wait: true, timeout: 1 }));

const actions = await told('actions.find', membrane.actions.find({ connectionId: id }));
await told('actions.findAll', membrane.actions.findAll({ connectionId: id }));
const intent = { connectionId: id, intent: 'mark a deployment', limit: 1 };
await told('actions.find intent', membrane.actions.find(intent));
await told('connection.actions.list', connection.actions.list());
await told('integrations.find', membrane.integrations.find({ search: 'full' }));
await told('integration.actions', membrane.integration('fullstory').actions.list());
await told('search', membrane.get('/search', { q: 'fullstory', elementType: 'connector' }));

const annotate = actions.items.find((action) => action.key === 'create-annotation');
const byKey = { key: 'create-annotation', integrationKey: 'fullstory' };
await told('action(id).get', membrane.action(annotate.id).get());
await told('action(selector).get', membrane.action(byKey).get());
await told('connection.action(key).get', connection.action('create-annotation').get());

const deployed = (text) => ({ text, source: 'javascript', not_in_the_schema: 'ignored' });
const on = { connectionId: id };
await told('action(id).run', membrane.action(annotate.id).run(deployed('by id'), on));
await told('action(key).run', membrane.action('create-annotation').run(deployed('by key'), on));
await told('action(selector).run', membrane.action(byKey).run(deployed('by selector')));
const scoped = connection.action('create-annotation');
await told('connection.action(key).run', scoped.run(deployed('of the connection')));
await told('action.run without its input', membrane.action(annotate.id).run({}, on));
const ghost = membrane.action('get-user').run({ id: '404' }, on);
await told('action.run refused by Fullstory', ghost);

const input = deployed('act');
const meta = { fsctlRun: 'of-the-javascript-client' };
await told('act id', membrane.post('/act', { id: annotate.id, connectionId: id, input, meta }));
await told('act key', membrane.post('/act', { key: 'create-annotation', connectionId: id, input }));
const api = { method: 'GET', path: '/v2/users', query: { email: 'ada@example.com' } };
await told('act api', membrane.post('/act', { api, connectionId: id }));
await told('act strict', membrane.post('/act', { key: 'list-users', connectionID: id }));
await told('act of two', membrane.post('/act', { id: annotate.id, api, connectionId: id }));

const runs = await told('runs', membrane.get('/action-run-logs', { connectionId: id, limit: 50 }));
const marked = runs.items.find((run) => run.meta.fsctlRun === meta.fsctlRun);
await told('run', membrane.get(`/action-run-logs/${marked.id}`));
await told('run details', membrane.get(`/action-run-logs/${marked.id}/details`));

const { proxy } = connection;
await told('proxy.get', proxy.get('/v2/users?email=ada%40example.com'));
await told('proxy.get full URL', proxy.get('https://api.fullstory.com/v2/users?uid=ada'));
await told('proxy.post', proxy.post('/v2/users', { uid: 'javascript', display_name: 'J. Script' }));
await told('proxy.delete', proxy.delete('/v2/users?uid=javascript'));
await told('proxy.put', proxy.put('/v2/users', {}));
await told('proxy.patch', proxy.patch('/v2/users', {}));
await told('connection.request', connection.request('/v2/annotations', { text: 'api' }));
const wrapped = { method: 'get', path: '/v2/users/{id}', pathParameters: { id: '404' } };
await told('wrapped request', membrane.post(`/connections/${id}/request`, wrapped));

const named = { integrationKey: 'fullstory', name: 'Second', key: 'second' };
const second = await told('connections.create', membrane.connections.create(named));
await told('connection.patch', membrane.connection('second').patch({ name: 'Renamed' }));
await told('connection.test', membrane.post(`/connections/${second.id}/test`));
await told('connection.archive', membrane.connection(second.id).archive());
await told('archived proxy', membrane.connection(second.id).proxy.get('/v2/users'));

const strangers = new MembraneClient({ apiUri, fetchToken: async () => 'not-a-token' });
await told('a token that is none', strangers.self.get());
