/** Output of commands is cut to its end, where errors stand. */
export const KEPT_OUTPUT = 256 * 1_024;

const HEADER = 8;

/**
 * The text of a container's output without a terminal: each piece comes with 8 bytes before it, the stream's number and
 * the length of the piece (big-endian, in the last four).
 *
 * @see https://docs.docker.com/reference/api/engine/version/v1.41/#operation/ContainerAttach
 */
export function plainOutput(raw: Uint8Array): string {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const pieces: Buffer[] = [];
  let at = 0;
  while (at + HEADER <= bytes.length) {
    const length = bytes.readUInt32BE(at + 4);
    pieces.push(bytes.subarray(at + HEADER, at + HEADER + length));
    at += HEADER + length;
  }
  return Buffer.concat(pieces).toString('utf8');
}

export const lastOutput = (text: string): string => {
  const bytes = Buffer.from(text);
  return bytes.length <= KEPT_OUTPUT ? text : bytes.subarray(bytes.length - KEPT_OUTPUT).toString('utf8');
};
