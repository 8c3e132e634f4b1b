import * as z from 'zod';
import { environment } from './environment.ts';
import { key, refuse } from './key.ts';
import { command, commands, relativePath } from './values.ts';

const FORMATS = ['istanbul-summary', 'lcov', 'cobertura'] as const;
type CoverageFormat = (typeof FORMATS)[number];
const COVERAGE = 'the path of a coverage report, or a mapping with `report` and `format`';

/** Each tool writes its report under a name that tells the format. */
function formatOf(report: string): CoverageFormat | undefined {
  if (/coverage-summary\.json$/.test(report)) return 'istanbul-summary';
  if (/\.info$/.test(report)) return 'lcov';
  return /\.xml$/.test(report) ? 'cobertura' : undefined;
}

const report = key(relativePath, {
  description: 'Where the tests leave their coverage.',
  examples: ['coverage/coverage-summary.json', 'coverage/lcov.info', 'coverage/cobertura-coverage.xml'],
});

const coverageKeys = z
  .strictObject(
    {
      report,
      format: key(z.enum(FORMATS, { error: `one of ${FORMATS.join(', ')}` }).optional(), {
        description: 'How the report is written.',
        examples: ['lcov'],
        absent: 'told by the name: `coverage-summary.json`, `*.info` (lcov) or `*.xml` (cobertura)',
      }),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? COVERAGE : undefined) },
  )
  .transform(({ report: path, format: given }, ctx): { report: string; format: CoverageFormat } => {
    const format = given ?? formatOf(path);
    if (format !== undefined) return { report: path, format };
    const expected = `a report whose name tells its format, or \`format\` as well: one of ${FORMATS.join(', ')}`;
    refuse(ctx, path, { expected, quote: 'shown', found: 'a name that does not tell' });
    return z.NEVER;
  });

const coverage = z.union([relativePath.transform((path) => ({ report: path })).pipe(coverageKeys), coverageKeys], {
  error: COVERAGE,
});

const TESTS = 'a command, or a mapping with `command`';

const testsKeys = z.strictObject(
  {
    command: key(command, { description: 'Runs the tests.', examples: ['npm test'] }),
    prepare: key(commands.prefault([]), {
      description: 'What must run before the tests in a clean copy; timed apart from them.',
      examples: ['npm ci', ['npm ci', 'npm run build']],
    }),
    coverage: key(coverage.optional(), {
      description: 'Where the tests leave their coverage.',
      examples: ['coverage/coverage-summary.json', { report: 'coverage/all', format: 'lcov' }],
      absent: 'coverage is unknown',
    }),
    environment,
  },
  { error: (issue) => (issue.code === 'invalid_type' ? TESTS : undefined) },
);

export const tests = key(
  z
    .union([command.transform((c): z.input<typeof testsKeys> => ({ command: [...c] })).pipe(testsKeys), testsKeys], {
      error: TESTS,
    })
    .optional(),
  {
    description: "The app's own tests, run from a clean copy of the source.",
    examples: ['npm test', { command: 'npm test', coverage: 'coverage/coverage-summary.json' }],
    absent: 'checks of tests and coverage are not applicable',
  },
);

export type AppTestsInput = NonNullable<z.output<typeof tests>>;
