// A real OpenID provider for the end-to-end tests: npm oidc-provider, three issuers in one process, a control port.
//
//   node server.mjs [--certs FOLDER] [--until-stdin-ends]
//
// Every port is a free one; the line "ready {...}" on standard output says which. README.md says what it can do.
import http from 'node:http';
import https from 'node:https';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Provider } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';
import * as jose from 'jose';

const { values: options } = parseArgs({
  options: { certs: { type: 'string' }, 'until-stdin-ends': { type: 'boolean', default: false } },
});
const pem = (file) => fs.readFileSync(path.join(options.certs, file), 'utf8');

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'RS512', 'PS512'];
const FAMILIES = { // one key each, without alg, so that the RSA key serves RS* and PS*
  RSA: ['RS256', { modulusLength: 2048 }],
  P256: ['ES256', {}],
  P384: ['ES384', {}],
  P521: ['ES512', {}],
  OKP: ['EdDSA', { crv: 'Ed25519' }],
};

async function newKey(family, generation) {
  const [algorithm, how] = FAMILIES[family];
  const { privateKey } = await jose.generateKeyPair(algorithm, { extractable: true, ...how });
  return { ...await jose.exportJWK(privateKey), use: 'sig', kid: `${family.toLowerCase()}-${generation}` };
}

const newKeys = (generation) => Promise.all(Object.keys(FAMILIES).map((family) => newKey(family, generation)));

// The resource chooses the token: urn:api:<algorithm>[:ttl<seconds>] is an RFC 9068 JWT, urn:api:opaque[:ttl<seconds>] is not.
function resourceServer(_ctx, resource) {
  const match = /^urn:api:([A-Za-z0-9]+)(?::ttl(\d+))?$/.exec(resource);
  if (!match) throw Object.assign(new Error('invalid_target'), { status: 400 });
  const [, kind, ttl] = match;
  const common = { scope: 'read write admin', audience: resource, accessTokenTTL: Number(ttl ?? 300) };
  if (kind === 'opaque') return { ...common, accessTokenFormat: 'opaque' };
  const sign = { alg: kind };
  if (kind === 'HS256') sign.key = Buffer.from('0123456789abcdef0123456789abcdef');
  return { ...common, accessTokenFormat: 'jwt', jwt: { sign } };
}

// The answer announces its whole length, and ends after some bytes of its body.
function hangUpWithin(res, bytes) {
  res.end = (body) => res.write(Buffer.from(body).subarray(0, bytes), () => res.socket?.destroy());
}

class Issuer {
  constructor(name, tls) {
    Object.assign(this, { name, tls, mount: '', generation: 0, keys: [], hits: {}, faults: [], headers: {}, held: [] });
    this.adapter = createMemoryAdapter();
  }

  async listen(scheme, host, mount) {
    const server = this.tls
      ? https.createServer({ ...this.tls, requestCert: true, rejectUnauthorized: false }, this.handle)
      : http.createServer(this.handle);
    await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
    this.mount = mount;
    this.url = `${scheme}://${host}:${server.address().port}${mount}`;
    await this.rotate({});
  }

  clients() {
    const machine = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
    const bound = { ...machine, scope: 'read write', tls_client_certificate_bound_access_tokens: true };
    return [
      { client_id: 'm2m', client_secret: 'm2m-secret-0123456789', scope: 'read write admin', ...machine },
      { client_id: 'm2m-dpop', client_secret: 'dpop-secret-0123456789', scope: 'read write', dpop_bound_access_tokens: true, ...machine },
      { client_id: 'rs', client_secret: 'rs-secret-0123456789', ...machine }, // introspects, answers in JSON
      { client_id: 'rs-jwt', client_secret: 'rsjwt-secret-0123456789', introspection_signed_response_alg: 'PS256', ...machine }, // RFC 9701
      {
        client_id: 'web',
        client_secret: 'web-secret-0123456789',
        scope: 'openid offline_access read write',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1:65000/cb'],
      },
      ...(this.tls ? [{ client_id: 'm2m-mtls', client_secret: 'mtls-secret-0123456789', ...bound }] : []),
    ];
  }

  configuration() {
    const ttl = (_ctx, token) => token.resourceServer?.accessTokenTTL ?? 300;
    const mTLS = {
      enabled: true,
      certificateBoundAccessTokens: true,
      getCertificate: (ctx) => ctx.req.socket.getPeerX509Certificate?.(),
    };
    return {
      adapter: this.adapter,
      jwks: { keys: this.keys },
      clients: this.clients(),
      scopes: ['openid', 'offline_access', 'read', 'write', 'admin'],
      cookies: { keys: ['test-only'] },
      enabledJWA: {
        idTokenSigningAlgValues: ALGORITHMS,
        introspectionSigningAlgValues: ALGORITHMS,
        dPoPSigningAlgValues: ['ES256', 'EdDSA', 'PS256', 'RS256'],
      },
      features: {
        devInteractions: { enabled: true },
        clientCredentials: { enabled: true },
        introspection: { enabled: true },
        jwtIntrospection: { enabled: true },
        revocation: { enabled: true },
        dPoP: { enabled: true },
        resourceIndicators: {
          enabled: true, getResourceServerInfo: resourceServer, defaultResource: () => undefined, useGrantedResource: () => true,
        },
        ...(this.tls ? { mTLS } : {}),
      },
      ttl: { ClientCredentials: ttl, AccessToken: ttl, IdToken: 300, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
      extraTokenClaims: () => ({ tenant: this.name }),
    };
  }

  build() {
    const provider = new Provider(this.url, this.configuration());
    provider.on('server_error', (_ctx, error) => console.error(`[${this.name}] server_error`, error));
    this.provider = provider;
    this.answer = provider.callback();
  }

  // New keys come first and sign; the old ones stay published if asked for.
  async rotate({ keep_old: keepOld = true }) {
    this.generation += 1;
    this.keys = [...await newKeys(this.generation), ...(keepOld ? this.keys : [])];
    this.build();
    return this.keys.map((key) => key.kid);
  }

  retire() {
    this.keys = this.keys.filter((key) => key.kid.endsWith(`-${this.generation}`));
    this.build();
    return this.keys.map((key) => key.kid);
  }

  // A user's access token, made by the provider's own model: no browser.
  async mint({ sub = 'alice', scope = 'read', client_id: clientId = 'web', resource }) {
    const { AccessToken, Client, Grant, ResourceServer } = this.provider;
    const client = await Client.find(clientId);
    const grantId = await new Grant({ accountId: sub, clientId }).save();
    const token = new AccessToken({ accountId: sub, client, grantId, scope, gty: 'authorization_code' });
    if (resource) token.resourceServer = new ResourceServer(resource, resourceServer(null, resource));
    return token.save();
  }

  handle = (req, res) => {
    const place = req.url.split('?')[0];
    const hit = `${req.method} ${place}`;
    this.hits[hit] = (this.hits[hit] ?? 0) + 1;
    console.log(`[${this.name}] ${hit}`);
    const fault = this.faults.find((one) => place.includes(one.path) && one.times !== 0);
    if (fault?.times > 0) fault.times -= 1;
    const go = () => {
      if (fault?.hangup) return req.socket.destroy();
      if (fault?.cut) hangUpWithin(res, fault.cut);
      if (fault?.status) {
        res.writeHead(fault.status, fault.headers ?? { 'content-type': 'application/json' });
        return res.end(fault.body ?? '{}');
      }
      return this.route(req, res);
    };
    if (fault?.hold) this.held.push(go);
    else if (fault?.delay_ms) setTimeout(go, fault.delay_ms);
    else go();
  };

  // What is held goes on; how many that were.
  release() {
    this.faults = this.faults.filter((one) => !one.hold);
    const held = this.held.splice(0);
    for (const go of held) go();
    return held.length;
  }

  reset() {
    this.release();
    Object.assign(this, { hits: {}, faults: [], headers: {} });
    return this.name;
  }

  route(req, res) {
    for (const [name, value] of Object.entries(this.headers)) res.setHeader(name, value);
    // RFC 8414, section 3.1: the well-known part goes between host and path.
    const inserted = /^(\/\.well-known\/[a-z-]+)(\/.+)$/.exec(req.url);
    const url = inserted && inserted[2] === this.mount ? this.mount + inserted[1] : req.url;
    if (!url.startsWith(`${this.mount}/`)) return res.writeHead(404).end();
    req.originalUrl = url;
    req.url = url.slice(this.mount.length);
    return this.answer(req, res);
  }
}

const issuers = { root: new Issuer('root'), path: new Issuer('path') };
await issuers.root.listen('http', '127.0.0.1', '');
await issuers.path.listen('http', '127.0.0.1', '/realms/b');
if (options.certs) {
  issuers.tls = new Issuer('tls', { key: pem('server.key'), cert: pem('server.pem'), ca: pem('ca.pem') });
  await issuers.tls.listen('https', 'localhost', '');
}
const urls = Object.fromEntries(Object.values(issuers).map((issuer) => [issuer.name, issuer.url]));

const OPERATIONS = {
  'POST rotate': (issuer, body) => issuer.rotate(body),
  'POST retire': (issuer) => issuer.retire(),
  'POST mint': (issuer, body) => issuer.mint(body),
  'POST fault': (issuer, body) => { issuer.faults.push({ times: -1, ...body }); return issuer.faults; },
  'POST headers': (issuer, body) => { issuer.headers = body; return body; },
  'GET hits': (issuer) => issuer.hits,
  'POST release': (issuer) => issuer.release(),
  'POST reset': (issuer) => issuer.reset(),
};

async function read(req) {
  let text = '';
  for await (const piece of req) text += piece;
  return text ? JSON.parse(text) : {};
}

const control = http.createServer(async (req, res) => {
  const answer = (value, status = 200) => {
    res.writeHead(status, { 'content-type': 'application/json' });
    res.end(JSON.stringify(value));
  };
  try {
    const [, name, operation] = req.url.split('/');
    const act = OPERATIONS[`${req.method} ${operation}`];
    if (name === 'health') answer(urls);
    else if (act && issuers[name]) answer(await act(issuers[name], await read(req)));
    else answer({ error: 'no such issuer or operation' }, 404);
  } catch (error) {
    answer({ error: error.stack }, 500);
  }
});
control.listen(0, '127.0.0.1', () => {
  console.log(`ready ${JSON.stringify({ control: `http://127.0.0.1:${control.address().port}` })}`);
});

if (options['until-stdin-ends']) { // whoever started it went away, however it ended
  process.stdin.resume();
  process.stdin.on('end', () => process.exit());
}
