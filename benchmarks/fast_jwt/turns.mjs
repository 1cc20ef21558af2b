// Measures fast-jwt's cache hit, in turns: reads what to verify with, then how often, and answers in ns.
// One JSON text a line, both ways.

import { createPublicKey } from 'node:crypto'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(import.meta.url)
const { createVerifier } = require('fast-jwt')
const { version } = require('fast-jwt/package.json')

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value ?? 'null')
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

const { jwk, alg, issuer, audience, token, bad } = await read()
const key = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
const verify = createVerifier({
  key,
  algorithms: [alg],
  allowedIss: issuer,
  allowedAud: audience,
  requiredClaims: ['iss', 'aud', 'exp', 'nbf'],
  clockTolerance: 60_000,
  cache: true
})
const raw = Buffer.from(token)

const accepts = (text) => {
  try {
    verify(text)
    return true
  } catch {
    return false
  }
}

// A string of its own each time, as from a request; or the same one.
const fresh = (loops) => {
  for (let turn = 0; turn < loops; turn++) verify(raw.latin1Slice())
}
const same = (loops) => {
  for (let turn = 0; turn < loops; turn++) verify(token)
}

const wrong = Object.keys(bad).filter((name) => accepts(bad[name]))
const isRemembered = verify(token) === verify(raw.latin1Slice())
say({ node: process.version, version, wrong, isRemembered })
fresh(50_000)
same(50_000)

for (let asked = await read(); asked !== null; asked = await read()) {
  const work = asked.fresh ? fresh : same
  const began = process.hrtime.bigint()
  work(asked.loops)
  say(Number(process.hrtime.bigint() - began))
}
