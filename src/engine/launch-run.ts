import { setMaxListeners } from 'node:events';
import type { Decision } from '../evidence/decision.ts';
import type { Leaf, LeafBody, NewLeaf } from '../evidence/leaf.ts';
import { DECISION_STEP, LAUNCH_STEP } from '../evidence/leaf.ts';
import { fail, type Problem, problemOf } from '../evidence/problem.ts';
import type { Instant, Milliseconds } from '../evidence/units.ts';
import type { LaunchState } from '../plan/state.ts';
import { type Plan, planAsData, type Step, type StepId } from '../plan/step.ts';
import { tally } from '../plan/tally.ts';
import { performAttempt } from './attempt.ts';
import { type AttemptId, attemptText } from './attempt-id.ts';
import { Change } from './change.ts';
import { type DecisionRequest, decisionOf } from './decision-request.ts';
import type { EngineOptions } from './engine.ts';
import type { EngineEvent } from './event.ts';
import { LaunchLeaves } from './launch-leaves.ts';
import type { LaunchRecord, LaunchRecords } from './launch-record.ts';
import { persistently } from './persistence.ts';
import { planDigest, reduceTo, refuseOther } from './planned-launch.ts';
import type { Planned } from './request.ts';
import { agenda, type Due } from './scheduler.ts';
import type { HostTokens, Release, TokenWait } from './tokens.ts';
import type { Workflows } from './workflows.ts';

/** What the launches of one process share. */
export type Shared = EngineOptions & {
  readonly records: LaunchRecords;
  readonly tokens: HostTokens;
  readonly workflows: () => Workflows;
  readonly emit: (event: EngineEvent) => void;
  /** Aborted when the process ends: whoever waits lets go and leaves things as they are. */
  readonly ending: AbortSignal;
  /** Waits until everything may be planned again, and no longer than it should. */
  readonly replanEvery: Milliseconds;
};

type EventOf<E> = E extends EngineEvent ? Omit<E, 'launch' | 'at'> : never;

const LONGEST_SLEEP = 60_000;

/** One open launch in this process: its leaves, its plan, and the loop that takes it to its end. */
export class LaunchRun {
  readonly #shared: Shared;
  #record: LaunchRecord;
  #planned: Planned | undefined;
  #stuck: Problem | undefined;
  readonly #faults = new Map<string, Problem>();
  readonly #inFlight = new Map<string, Promise<void>>();
  readonly #performing = new Map<string, Promise<void>>();
  readonly #leaves: LaunchLeaves;
  readonly #said = new Map<StepId, string>();
  readonly #change = new Change();
  /** Where each attempt stands in line for the tokens of its host. */
  readonly #places = new Map<string, Promise<Release | undefined>>();
  readonly #abort = new AbortController();
  /** The launch is aborted or the process ends: whoever waits lets go. */
  readonly #letGo: AbortSignal;
  readonly #whenPlanned: Promise<void>;
  #planIsThere: () => void = () => undefined;
  #deciding: Promise<unknown> = Promise.resolve();
  #announced = '';

  constructor(shared: Shared, record: LaunchRecord, planned?: Planned) {
    this.#shared = shared;
    this.#record = record;
    this.#letGo = AbortSignal.any([this.#abort.signal, shared.ending]);
    // Every attempt and every wait of the launch listens.
    setMaxListeners(0, this.#letGo, this.#abort.signal, shared.ending);
    this.#whenPlanned = new Promise((resolve) => {
      this.#planIsThere = resolve;
    });
    this.#leaves = new LaunchLeaves(record.launch);
    if (planned) this.#usePlan(planned);
  }

  get record(): LaunchRecord {
    return this.#record;
  }

  /** Why the plan cannot be made at the moment. */
  get stuck(): Problem | undefined {
    return this.#stuck;
  }

  /** Faults of ours, by attempt. */
  get faults(): ReadonlyMap<string, Problem> {
    return this.#faults;
  }

  state(now: Instant = this.#shared.clock()): LaunchState {
    return this.#leaves.state(this.#plan, now);
  }

  /** This launch's leaves, and those of the earlier attempts that it stands on: enough to compute its state anywhere. */
  leaves(): Leaf[] {
    return this.#leaves.needed(this.state());
  }

  /** The last line that each step has said. */
  get said(): ReadonlyMap<StepId, string> {
    return this.#said;
  }

  /** Who of this launch waits for tokens of its host. */
  waiting(): TokenWait[] {
    const host = this.#planned?.host;
    if (host === undefined) return [];
    return this.#shared.tokens.waiting(host).filter(({ who }) => who.startsWith(`${this.#record.launch}/`));
  }

  get #plan(): Plan {
    return this.#planned?.plan ?? this.#record.plan;
  }

  /** Reads what the ledger knows: all launches of this app and environment, or for a check only its own. */
  async load(): Promise<void> {
    const { app, environment } = this.#record.plan;
    const { launch, kind } = this.#record;
    const leaves = await this.#persist(() =>
      this.#shared.leaves.read(kind === 'check' ? { launch } : { app, environment }),
    );
    this.#leaves.take(leaves);
    if (this.#leaves.isAborted()) this.#abort.abort();
  }

  isClosed(): boolean {
    return this.#leaves.has('closed');
  }

  /** Takes in what another launch of the same app and environment has added. */
  learn(leaves: readonly Leaf[]): void {
    if (this.#record.kind === 'check') return;
    this.#leaves.take(leaves);
  }

  isOpened(): boolean {
    return this.#leaves.has('opened');
  }

  /** Writes the launch's first leaf. */
  async open(planned: Planned): Promise<void> {
    const { app, environment } = planned.plan;
    const by = this.#record.request.by;
    await this.#append([
      this.#launchLeaf(0, {
        kind: 'opened',
        app,
        environment,
        host: planned.host,
        runtime: planned.runtime,
        by,
        holdpoint: this.#shared.version,
        window: planned.window,
        plan: planDigest(planned.plan),
        at: this.#shared.clock(),
      }),
    ]);
    this.#emit({ kind: 'launch-opened', app, environment, by });
  }

  /** Runs until the launch is closed, or the process ends. */
  async run(): Promise<void> {
    if (this.#planned === undefined) {
      await this.#replan();
      this.#emit({ kind: 'launch-resumed' });
    }
    const { ending, clock } = this.#shared;
    while (!ending.aborted) {
      const seen = this.#change.version;
      const now = clock();
      const at = this.state(now);
      this.#announce(at);
      const { due, next, close } = agenda(at, now, (d) => this.#isInFlight(d));
      if (close !== undefined) return this.#close(close);
      if (this.#record.kind === 'check' && at.end.kind === 'held') return this.#close('checked');
      for (const attempt of this.#shared.order(due)) this.#begin(attempt);
      await this.#change.after(seen, next === undefined ? LONGEST_SLEEP : Math.min(next - now, LONGEST_SLEEP));
    }
  }

  /** Lets the loop look again. */
  wake(): void {
    this.#change.announce();
  }

  async #close(end: 'launched' | 'aborted' | 'checked'): Promise<void> {
    const really = end === 'launched' && this.#record.kind === 'check' ? 'checked' : end;
    await this.#append([this.#launchLeaf(1, { kind: 'closed', end: really, at: this.#shared.clock() })]);
    await this.remember();
    this.#emit({ kind: 'launch-closed', end: really });
  }

  /** Puts what a closed launch came to into its record, so that the history need not read the whole ledger. */
  async remember(): Promise<void> {
    const closed = this.state().closed;
    if (closed === undefined) return;
    const over = { end: closed.end, at: closed.at, tally: tally(this.state(closed.at)) };
    this.#record = { ...this.#record, over };
    await this.#persist(() => this.#shared.records.write(this.#record));
  }

  #isInFlight({ step, attempt }: Due): boolean {
    const key = attemptText({ launch: this.#record.launch, step, attempt });
    return this.#inFlight.has(key) || this.#faults.has(key);
  }

  #begin({ step, attempt }: Due): void {
    const id = { launch: this.#record.launch, step, attempt };
    const key = attemptText(id);
    this.#queue(id);
    let again = false;
    const hand = () => {
      const running = this.#shared.workflows().run(id, again);
      again = true;
      return running;
    };
    const run = this.#persist(hand)
      .then(() => this.#settle(id))
      .catch((thrown: unknown) => {
        if (this.#shared.ending.aborted) return;
        this.#fault(step, attempt, problemOf(thrown, key));
      })
      .finally(() => {
        this.#inFlight.delete(key);
        // Where it did not come to its end, somebody has to look at it again.
        if (!this.#leaves.hasFinished(id)) this.wake();
        void this.#places.get(key)?.then((release) => release?.());
        this.#places.delete(key);
      });
    this.#inFlight.set(key, run);
  }

  /** Stands in line for the step's tokens in the order in which steps are begun, not in that of the database's answers. */
  #queue(id: AttemptId): void {
    const step = this.#step(id.step);
    const host = this.#planned?.host;
    const key = attemptText(id);
    if (step === undefined || host === undefined || this.#leaves.ofAttempt(id).length > 0) return;
    const wanted = { who: key, app: this.#record.plan.app, tokens: step.tokens };
    this.#places.set(key, this.#shared.tokens.acquire(host, wanted, this.#letGo));
    if (this.waiting().some(({ who }) => who === key))
      this.#emit({ kind: 'step-waiting', step: step.id, attempt: id.attempt, tokens: step.tokens });
  }

  #fault(step: StepId, attempt: number, problem: Problem): void {
    this.#faults.set(attemptText({ launch: this.#record.launch, step, attempt }), problem);
    this.#emit({ kind: 'step-fault', step, attempt, problem });
  }

  /**
   * The workflow has ended. Where the ledger does not know it, the two have come apart (the ledger was restored from an
   * older copy): an attempt that only began is closed as interrupted, and one that is not there at all needs a person.
   */
  async #settle(id: AttemptId): Promise<void> {
    const own = this.#leaves.ofAttempt(id);
    if (own.some((l) => l.body.kind === 'finished') || this.#shared.ending.aborted) return;
    if (own.length > 0) return this.perform(id);
    if (this.#abort.signal.aborted || !this.#step(id.step)) return;
    fail({
      kind: 'internal',
      what: 'the attempt has ended, but the ledger does not know it',
      where: attemptText(id),
      next: `abort this launch and start a new one; ledger and workflows are not of the same backup`,
    });
  }

  /** Carries out an attempt, once at a time however often it is asked for. */
  perform(id: AttemptId): Promise<void> {
    const key = attemptText(id);
    const already = this.#performing.get(key);
    if (already) return already;
    const performing = this.#perform(id).finally(() => this.#performing.delete(key));
    this.#performing.set(key, performing);
    return performing;
  }

  #perform(id: AttemptId): Promise<void> {
    const { clock, boundary, keep, attemptLog, withoutSecrets } = this.#shared;
    const step = id.step as StepId;
    const log = attemptLog(id);
    return performAttempt({
      id,
      clock,
      signal: this.#abort.signal,
      boundary,
      known: async () => this.#leaves.ofAttempt(id),
      admitted: () => this.#admitted(id),
      append: (leaves) => this.#appendOf(id, leaves),
      subject: () => this.#planned?.subject?.(step),
      withoutSecrets,
      progress: (said) => {
        const line = withoutSecrets()(said);
        log.line(line, clock());
        this.#said.set(step, line);
        this.#emit({ kind: 'progress', step, attempt: id.attempt, line });
      },
      artefact: keep,
    }).finally(() => log.end());
  }

  async #admitted(id: AttemptId): Promise<{ step: Step; release: () => void } | undefined> {
    await Promise.race([this.#whenPlanned, whenAborted(this.#letGo)]);
    const step = this.#step(id.step);
    const key = attemptText(id);
    if (step !== undefined && !this.#letGo.aborted) {
      // One that a restarted process takes up was not begun by our loop and has no place yet.
      if (!this.#places.has(key)) this.#queue(id);
      const release = await this.#places.get(key);
      this.#places.delete(key);
      if (release !== undefined && !this.#letGo.aborted) return { step, release };
      release?.();
    }
    // Neither done nor given up: when the process ends, the attempt stays pending for the next one.
    if (this.#shared.ending.aborted) return new Promise(() => undefined);
    return undefined;
  }

  #step(id: string): Step | undefined {
    return this.#planned?.plan.steps.find((step) => step.id === id);
  }

  async #appendOf(id: AttemptId, leaves: readonly NewLeaf[]): Promise<void> {
    const step = id.step as StepId;
    for (const { body, index } of await this.#append(leaves)) {
      if (body.kind === 'started') this.#emit({ kind: 'step-started', step, attempt: id.attempt });
      if (body.kind === 'measured')
        this.#emit({ kind: 'measured', step, attempt: id.attempt, entry: index, measurement: body.measurement });
      if (body.kind === 'finished')
        this.#emit({
          kind: 'step-finished',
          step,
          attempt: id.attempt,
          end: body.end,
          state: this.state().steps.get(step)?.kind ?? 'unknown',
        });
      // A step that has started changes nothing that the loop asks for.
      if (body.kind === 'finished') this.wake();
    }
  }

  /** Writes down what a person decided. One after the other: each is judged by the state that the last one left. */
  decide(request: DecisionRequest): Promise<Decision> {
    const deciding = this.#deciding.then(async () => {
      const decision = decisionOf(request, this.state(), this.#shared.clock());
      const sequence = this.#leaves.countOfDecisions();
      const key = { launch: this.#record.launch, step: DECISION_STEP, attempt: 0, sequence };
      await this.#append([{ key, body: { kind: 'decided', decision }, release: undefined }]);
      this.#emit({ kind: 'decided', decision });
      if (decision.kind === 'abort') this.#abort.abort();
      this.#faults.clear();
      this.wake();
      return decision;
    });
    this.#deciding = deciding.catch(() => undefined);
    return deciding;
  }

  /** Makes the plan again until it can be made; a launch whose holdpoint.yaml is broken waits for its repair. */
  async #replan(): Promise<void> {
    const { plans, records, ending, replanEvery } = this.#shared;
    while (this.#planned === undefined && !ending.aborted && !this.#abort.signal.aborted) {
      const seen = this.#change.version;
      try {
        const reduced = reduceTo(await plans(this.#record.request, this.#record.plan), this.#record.step);
        refuseOther(reduced.plan, this.#record.plan);
        this.#record = { ...this.#record, plan: planAsData(reduced.plan) };
        await this.#persist(() => records.write(this.#record));
        this.#usePlan(reduced);
      } catch (thrown) {
        this.#stuck = problemOf(thrown, this.#record.request.directory);
        this.#emit({ kind: 'launch-stuck', problem: this.#stuck });
        await this.#change.after(seen, replanEvery);
      }
    }
  }

  #usePlan(planned: Planned): void {
    this.#planned = planned;
    this.#stuck = undefined;
    this.#planIsThere();
  }

  async #append(leaves: readonly NewLeaf[]): Promise<readonly Leaf[]> {
    const appended = await this.#persist(() => this.#shared.leaves.append(leaves));
    this.#leaves.take(appended);
    this.#shared.spread(this.#record, appended);
    return appended;
  }

  #persist<Result>(work: () => Promise<Result>): Promise<Result> {
    return persistently(work, {
      signal: this.#shared.ending,
      down: (problem) => this.#emit({ kind: 'store-down', problem }),
      up: () => this.#emit({ kind: 'store-up' }),
    });
  }

  #launchLeaf = (sequence: number, body: LeafBody): NewLeaf => ({
    key: { launch: this.#record.launch, step: LAUNCH_STEP, attempt: 0, sequence },
    body,
    release: undefined,
  });

  /** Says where the launch stands, when that has changed. */
  #announce(at: LaunchState): void {
    const now = { end: at.end, tally: tally(at) };
    const text = JSON.stringify(now);
    if (text === this.#announced) return;
    this.#announced = text;
    this.#emit({ kind: 'launch-state', ...now });
  }

  #emit(event: EventOf<EngineEvent>): void {
    this.#shared.emit({ ...event, launch: this.#record.launch, at: this.#shared.clock() });
  }
}

const whenAborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted
    ? Promise.resolve()
    : new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
