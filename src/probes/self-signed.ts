import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A throw-away identity for a server on 127.0.0.1 and localhost; PEM. */
export interface SelfSigned {
  readonly key: string;
  readonly cert: string;
}

/**
 * A self-signed P-256 certificate (RFC 5280) that is its own authority, for servers that this process starts as a control.
 * Only for that: an environment's certificates come from its own authority.
 */
export function selfSigned(validity: { readonly notBefore: Date; readonly notAfter: Date }): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(set(sequence(oid('550403'), utf8('holdpoint control'))));
  const subjectAltName = sequence(context(2, Buffer.from('localhost')), context(7, Buffer.from([127, 0, 0, 1])));
  const extensions = sequence(
    sequence(oid('551d13'), boolean(true), octets(sequence(boolean(true)))),
    sequence(oid('551d11'), octets(subjectAltName)),
  );
  const toBeSigned = sequence(
    constructed(0, integer(Buffer.from([2]))),
    // The first octet keeps the serial number positive.
    integer(Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(validity.notBefore), time(validity.notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    constructed(3, extensions),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', toBeSigned, privateKey)]);
  const certificate = sequence(toBeSigned, ECDSA_WITH_SHA256, der(0x03, signature));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines(certificate.toString('base64'))}\n-----END CERTIFICATE-----\n`,
  };
}

const lines = (base64: string) => base64.match(/.{1,64}/g)?.join('\n') ?? '';

/** One value in DER (ITU-T X.690): tag, length, content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: Buffer[]) => der(0x30, Buffer.concat(parts));
const set = (...parts: Buffer[]) => der(0x31, Buffer.concat(parts));
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const utf8 = (text: string) => der(0x0c, Buffer.from(text));
const integer = (bytes: Buffer) => der(0x02, bytes);
const boolean = (value: boolean) => der(0x01, Buffer.from([value ? 0xff : 0]));
const octets = (content: Buffer) => der(0x04, content);
const context = (number: number, content: Buffer) => der(0x80 | number, content);
const constructed = (number: number, content: Buffer) => der(0xa0 | number, content);
/** GeneralizedTime, in UTC and whole seconds. */
const time = (date: Date) => der(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`));

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
