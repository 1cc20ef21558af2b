// A real OpenID provider for the end-to-end tests: npm oidc-provider, three issuers in one process, a control port.
//
//   node server.mjs [--certs FOLDER] [--clients FILE] [--until-stdin-ends]
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
  options: { certs: { type: 'string' }, clients: { type: 'string' }, 'until-stdin-ends': { type: 'boolean', default: false } },
});
const more = options.clients ? JSON.parse(fs.readFileSync(options.clients, 'utf8')) : {};
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

// What a certificate must say, for tls_client_auth (RFC 8705, section 2.1.2).
function certificateSubjectMatches(ctx, property, expected) {
  const certificate = ctx.req.socket.getPeerX509Certificate();
  if (property === 'tls_client_auth_subject_dn') return certificate.subject === expected;
  if (property === 'tls_client_auth_san_dns') return certificate.subjectAltName === `DNS:${expected}`;
  throw new Error(`${property} is not compared here`);
}

// Userinfo knows everybody by their subject; of eve it says what only a gateway may say.
const MISLEADING = { iss: 'urn:eve', scope: 'admin', client_id: 'eve', application: { id: 'eve' }, key_type: 'EVE' };

function findAccount(_ctx, sub) {
  const user = { sub, email: `${sub}@example.org`, email_verified: true, name: `${sub} of the tests`, groups: ['staff', sub] };
  return { accountId: sub, claims: () => ({ ...user, ...(sub === 'eve' ? MISLEADING : {}) }) };
}

const MACHINE = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
const SEEN = 2000; // so many requests are remembered

class Issuer {
  constructor(name, tls) {
    Object.assign(this, { name, tls, mount: '', generation: 0, keys: [], headers: {}, held: [] });
    this.adapter = createMemoryAdapter();
    this.forget();
  }

  forget() {
    Object.assign(this, { hits: {}, requests: [], faults: [], headers: {} });
  }

  async listen(scheme, host, mount) {
    this.mount = mount;
    this.url = `${scheme}://${host}:${await this.open('first')}${mount}`;
    this.second = `${scheme}://${host}:${await this.open('second')}${mount}`;
    await this.rotate({});
  }

  // Two ports, one behind the other's back: what one gives the other knows.
  async open(port) {
    const handle = (req, res) => this.handle(port, req, res);
    const server = this.tls
      ? https.createServer({ ...this.tls, requestCert: true, rejectUnauthorized: false }, handle)
      : http.createServer(handle);
    await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
    return server.address().port;
  }

  clients() {
    const bound = { ...MACHINE, scope: 'read write', tls_client_certificate_bound_access_tokens: true };
    return [
      { client_id: 'm2m', client_secret: 'm2m-secret-0123456789', scope: 'read write admin', ...MACHINE },
      { client_id: 'm2m-dpop', client_secret: 'dpop-secret-0123456789', scope: 'read write', dpop_bound_access_tokens: true, ...MACHINE },
      {
        client_id: 'web',
        client_secret: 'web-secret-0123456789',
        scope: 'openid offline_access read write',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1:65000/cb'],
      },
      ...(this.tls ? [{ client_id: 'm2m-mtls', client_secret: 'mtls-secret-0123456789', ...bound }] : []),
      ...[...more.everywhere ?? [], ...(this.tls ? more.tls ?? [] : [])].map((one) => ({ ...MACHINE, ...one })),
    ];
  }

  // RFC 8705, section 5: the second port is for those who come with a certificate.
  discovery() {
    const at = (place) => `${this.second}${place}`;
    return {
      mtls_endpoint_aliases: {
        token_endpoint: at('/token'), introspection_endpoint: at('/token/introspection'), revocation_endpoint: at('/token/revocation'),
      },
    };
  }

  configuration() {
    const ttl = (_ctx, token) => token.resourceServer?.accessTokenTTL ?? 300;
    const mTLS = {
      enabled: true,
      certificateBoundAccessTokens: true,
      tlsClientAuth: true,
      selfSignedTlsClientAuth: true,
      certificateAuthorized: (ctx) => ctx.req.socket.authorized,
      certificateSubjectMatches,
      getCertificate: (ctx) => ctx.req.socket.getPeerX509Certificate?.(),
    };
    const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'];
    if (this.tls) methods.push('tls_client_auth', 'self_signed_tls_client_auth');
    return {
      adapter: this.adapter,
      clientAuthMethods: methods,
      ...(this.tls ? { discovery: this.discovery() } : {}),
      jwks: { keys: this.keys },
      clients: this.clients(),
      scopes: ['openid', 'offline_access', 'read', 'write', 'admin'],
      claims: {
        openid: ['sub'],
        email: ['email', 'email_verified'],
        profile: ['name', 'groups', 'iss', 'scope', 'client_id', 'application', 'key_type'],
      },
      findAccount,
      cookies: { keys: ['test-only'] },
      enabledJWA: {
        idTokenSigningAlgValues: ALGORITHMS,
        introspectionSigningAlgValues: ALGORITHMS,
        clientAuthSigningAlgValues: ALGORITHMS,
        dPoPSigningAlgValues: ['ES256', 'EdDSA', 'PS256', 'RS256'],
      },
      features: {
        devInteractions: { enabled: true },
        clientCredentials: { enabled: true },
        introspection: { enabled: true, allowedPolicy: () => true }, // every client may ask about every token
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

  // A user's access token, made by the provider's own model: no browser. An opaque one is `value`, if that is given.
  async mint({ sub = 'alice', scope = 'read', client_id: clientId = 'web', resource, value }) {
    const { AccessToken, Client, Grant, ResourceServer } = this.provider;
    const client = await Client.find(clientId);
    const grant = new Grant({ accountId: sub, clientId });
    grant.addOIDCScope(scope);
    const grantId = await grant.save();
    const token = new AccessToken({ accountId: sub, client, grantId, scope, gty: 'authorization_code' });
    if (resource) token.resourceServer = new ResourceServer(resource, resourceServer(null, resource));
    if (value) Object.assign(token, { jti: value, format: 'opaque' });
    return token.save();
  }

  // Make the time of an opaque token be over; whether there was such a token.
  async expire({ token }) {
    for (const model of ['AccessToken', 'ClientCredentials', 'RefreshToken']) {
      const stored = await this.adapter(model).find(token);
      if (stored) {
        stored.exp = Math.floor(Date.now() / 1000) - 1;
        return true;
      }
    }
    return false;
  }

  handle(port, req, res) {
    const place = req.url.split('?')[0];
    const hit = `${port === 'first' ? '' : `${port} `}${req.method} ${place}`;
    this.hits[hit] = (this.hits[hit] ?? 0) + 1;
    this.requests.push({ port, method: req.method, url: req.url, headers: req.headers });
    if (this.requests.length > SEEN) this.requests.shift();
    console.log(`[${this.name}] ${hit}`);
    const fault = this.faults.find((one) => place.includes(one.path) && [port, undefined].includes(one.port) && one.times !== 0);
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
  }

  // What is held goes on; how many that were.
  release() {
    this.faults = this.faults.filter((one) => !one.hold);
    const held = this.held.splice(0);
    for (const go of held) go();
    return held.length;
  }

  reset() {
    this.release();
    this.forget();
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
const urls = Object.fromEntries(Object.values(issuers).map(({ name, url, second }) => [name, { url, second }]));

const OPERATIONS = {
  'POST rotate': (issuer, body) => issuer.rotate(body),
  'POST retire': (issuer) => issuer.retire(),
  'POST mint': (issuer, body) => issuer.mint(body),
  'POST fault': (issuer, body) => { issuer.faults.push({ times: -1, ...body }); return issuer.faults; },
  'POST headers': (issuer, body) => { issuer.headers = body; return body; },
  'POST expire': (issuer, body) => issuer.expire(body),
  'GET hits': (issuer) => issuer.hits,
  'GET requests': (issuer) => issuer.requests,
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
