import { request } from 'node:http';

/** The part of XML-RPC that supervisor speaks. */
export type RpcValue = string | number | boolean | null | readonly RpcValue[] | { readonly [name: string]: RpcValue };

/** Supervisor's own fault, with its code (`supervisor.xmlrpc.Faults`). */
export class RpcFault extends Error {
  readonly code: number;
  constructor(code: number, text: string) {
    super(text);
    this.name = 'RpcFault';
    this.code = code;
  }
}

/** Calls a method over a unix socket. Rejects with RpcFault for a fault, with a plain Error where nobody answers. */
export async function call(
  socket: string,
  method: string,
  parameters: readonly (string | number | boolean)[],
  timeLimitMs: number,
): Promise<RpcValue> {
  const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${parameters
    .map((parameter) => `<param>${encode(parameter)}</param>`)
    .join('')}</params></methodCall>`;
  return decodeResponse(await post(socket, body, timeLimitMs));
}

function post(socket: string, body: string, timeLimitMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath: socket,
        path: '/RPC2',
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'text/xml', 'content-length': Buffer.byteLength(body), connection: 'close' },
        timeout: timeLimitMs,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
          else reject(new Error(`supervisor answered ${answer.statusCode}`));
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`supervisor did not answer within ${timeLimitMs} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

function encode(value: string | number | boolean): string {
  if (typeof value === 'boolean') return `<value><boolean>${value ? 1 : 0}</boolean></value>`;
  if (typeof value === 'number') return `<value><int>${value}</int></value>`;
  return `<value><string>${value.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</string></value>`;
}

/** A tag, or the text between two tags. */
const TOKEN = /<(\/?)([a-zA-Z0-9.]+)\s*(\/?)>|([^<]+)/g;

type Node = { readonly name: string; readonly children: Node[]; text: string };

export function decodeResponse(xml: string): RpcValue {
  const root = tree(xml.replace(/<\?[^>]*\?>/g, '').replace(/<!DOCTYPE[^>]*>/g, ''));
  const response = child(root, 'methodResponse');
  const fault = response.children.find(({ name }) => name === 'fault');
  if (fault !== undefined) {
    const value = decode(child(fault, 'value'));
    if (value !== null && typeof value === 'object' && 'faultCode' in value) {
      throw new RpcFault(Number(value.faultCode), String(value.faultString));
    }
    throw new Error('supervisor answered a fault that cannot be read');
  }
  return decode(child(child(child(response, 'params'), 'param'), 'value'));
}

function tree(xml: string): Node {
  const root: Node = { name: '', children: [], text: '' };
  const open: Node[] = [root];
  for (const [, closing, name, empty, text] of xml.matchAll(TOKEN)) {
    const current = open.at(-1) ?? root;
    if (text !== undefined) current.text += text;
    else if (closing === '/') open.pop();
    else if (name !== undefined) {
      const node: Node = { name, children: [], text: '' };
      current.children.push(node);
      if (empty !== '/') open.push(node);
    }
  }
  return root;
}

function child(node: Node, name: string): Node {
  const found = node.children.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`supervisor's answer has no <${name}> in <${node.name}>`);
  return found;
}

function decode(value: Node): RpcValue {
  const typed = value.children[0];
  if (typed === undefined) return unescaped(value.text);
  switch (typed.name) {
    case 'int':
    case 'i4':
    case 'double':
      return Number(typed.text);
    case 'boolean':
      return typed.text.trim() === '1';
    case 'nil':
      return null;
    case 'array':
      return child(typed, 'data').children.map(decode);
    case 'struct':
      return Object.fromEntries(
        typed.children.map((member) => [unescaped(child(member, 'name').text), decode(child(member, 'value'))]),
      );
    default:
      return unescaped(typed.text);
  }
}

const unescaped = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
