import type { Recorder } from '../../../config/app.ts';
import { type RecorderTarget, recorderTarget } from '../../../probes/recorder.ts';

/** What holdpoint.yaml says of writing and reading back, in the recorder's words: its `{key}` is a template's `{{key}}`. */
export function writesAndReads({ write, read }: Recorder): RecorderTarget {
  return recorderTarget({
    write: {
      method: write.method,
      path: template(write.path),
      headers: templates(write.headers),
      body: template(write.body),
    },
    read: { method: 'GET', path: template(read.path), headers: templates(read.headers) },
    found: { status: read.foundStatus },
    absent: { status: read.absentStatus },
  });
}

const template = (text: string): string => text.replaceAll('{key}', '{{key}}');

const templates = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, template(text)]));
