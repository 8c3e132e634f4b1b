import type pg from 'pg';
import type { Decision } from '../evidence/decision.ts';
import type { Leaf } from '../evidence/leaf.ts';
import { fail, type Problem, ProblemError } from '../evidence/problem.ts';
import type { Clock, Digest, Instant, Milliseconds } from '../evidence/units.ts';
import { seconds } from '../evidence/units.ts';
import type { Leaves } from '../ledger/leaves.ts';
import { planProblems } from '../plan/graph.ts';
import { type LaunchState, state } from '../plan/state.ts';
import { type Plan, planAsData, type StepId } from '../plan/step.ts';
import type { Boundary } from './attempt.ts';
import type { AttemptId } from './attempt-id.ts';
import type { AttemptLog } from './attempt-log.ts';
import type { DecisionRequest } from './decision-request.ts';
import type { EngineEvent, EventListener } from './event.ts';
import { leavesOf } from './launch-leaves.ts';
import { type LaunchRecord, LaunchRecords } from './launch-record.ts';
import { LaunchRun, type Shared } from './launch-run.ts';
import { reduceTo } from './planned-launch.ts';
import type { LaunchRequest, Planned, PlanSource } from './request.ts';
import type { Due } from './scheduler.ts';
import { HostTokens, type TokenWait } from './tokens.ts';
import { openWorkflows, type Workflows } from './workflows.ts';

/** What the engine needs of the ledger. */
export type LeafStore = Pick<Leaves, 'append' | 'read' | 'launches'>;

export type EngineOptions = {
  readonly leaves: LeafStore;
  readonly database: { readonly url: string; readonly connection: pg.PoolConfig };
  /** Of this state directory alone. */
  readonly executor: string;
  readonly plans: PlanSource;
  /** `STATE/launches`. */
  readonly launches: string;
  /** Keeps raw bytes beside the ledger. */
  readonly keep: (name: string, content: string | Uint8Array, retention: Milliseconds) => Promise<Digest>;
  readonly attemptLog: (id: AttemptId) => AttemptLog;
  readonly clock: Clock;
  /** Holdpoint's own version, for the launch's first leaf. */
  readonly version: string;
  readonly log: (line: string) => void;
  /**
   * Looks up the secrets that are known now and gives what blots them out of a text: what an app says of itself may hold one.
   */
  readonly withoutSecrets: () => (text: string) => string;
  /** In which order attempts that are due at the same moment are begun. The kill matrix shuffles. */
  readonly order: (due: readonly Due[]) => readonly Due[];
  readonly boundary: (name: Boundary, id: AttemptId) => void;
  /** Called with what a launch has added, for its neighbours. */
  readonly spread: (from: LaunchRecord, leaves: readonly Leaf[]) => void;
};

export type EngineSettings = Omit<EngineOptions, 'order' | 'boundary' | 'spread' | 'withoutSecrets'> &
  Partial<Pick<EngineOptions, 'order' | 'boundary' | 'withoutSecrets'>>;

/** A launch as it can be looked at: everything that the board, a document or an exit status needs. */
export type LaunchSnapshot = {
  readonly record: LaunchRecord;
  readonly plan: Plan;
  readonly state: LaunchState;
  /** From these, `plan` and `asOf`, `state` can be computed again elsewhere. */
  readonly leaves: readonly Leaf[];
  /** When the state was looked at: now, or for a launch that is over its end. */
  readonly asOf: Instant;
  readonly now: Instant;
  /** The last line that each step has said. */
  readonly said: ReadonlyMap<StepId, string>;
  readonly waiting: readonly TokenWait[];
  /** Why the launch cannot go on by itself, apart from holds. */
  readonly problem: Problem | undefined;
  /** Faults of ours, by `launch/step/attempt`. */
  readonly faults: ReadonlyMap<string, Problem>;
  readonly isOpen: boolean;
};

const REPLAN_EVERY = seconds(10);

/** Runs launches to their ends. One per process. */
export class Engine {
  readonly #shared: Shared;
  readonly #runs = new Map<string, LaunchRun>();
  readonly #records = new Map<string, LaunchRecord>();
  readonly #listeners = new Set<EventListener>();
  readonly #ending = new AbortController();
  #workflows: Workflows | undefined;
  #starting: Promise<unknown> = Promise.resolve();

  private constructor(settings: EngineSettings) {
    this.#shared = {
      ...settings,
      order: settings.order ?? ((due) => due),
      boundary: settings.boundary ?? (() => undefined),
      withoutSecrets: settings.withoutSecrets ?? (() => (text) => text),
      records: new LaunchRecords(settings.launches),
      tokens: new HostTokens(),
      workflows: () =>
        this.#workflows ??
        fail({ kind: 'internal', what: 'the engine is not open', next: 'start it again with `holdpoint serve`' }),
      emit: (event) => this.#emit(event),
      ending: this.#ending.signal,
      replanEvery: REPLAN_EVERY,
      spread: (from, leaves) => this.#spread(from, leaves),
    };
  }

  /** Opens the engine and goes on with every launch that is open, where it was left. */
  static async open(settings: EngineSettings): Promise<Engine> {
    const engine = new Engine(settings);
    await engine.#resume();
    return engine;
  }

  async #resume(): Promise<void> {
    const { records, log, database, executor } = this.#shared;
    for (const record of await records.all(log)) {
      this.#records.set(record.launch, record);
      if (record.over) continue;
      const run = new LaunchRun(this.#shared, record);
      await run.load();
      if (!run.isOpened()) {
        // Nobody was told that it had begun: the process ended between the record and the first leaf.
        await records.remove(record);
        this.#records.delete(record.launch);
      } else if (run.isClosed()) {
        await run.remember();
        this.#records.set(record.launch, run.record);
      } else this.#runs.set(record.launch, run);
    }
    // The runs are there before the workflows: an attempt that is taken up again finds its launch.
    this.#workflows = await openWorkflows({
      ...database,
      executor,
      log,
      boundary: this.#shared.boundary,
      perform: (id) => this.#perform(id),
    });
    for (const run of this.#runs.values()) this.#drive(run);
  }

  async #perform(id: AttemptId): Promise<void> {
    // Of a launch that is over nothing is begun any more.
    await this.#runs.get(id.launch)?.perform(id);
  }

  #drive(run: LaunchRun): void {
    run.run().catch((thrown: unknown) => {
      if (this.#ending.signal.aborted) return;
      this.#shared.log(
        `${run.record.launch} stopped by a fault: ${thrown instanceof Error ? thrown.stack : String(thrown)}`,
      );
    });
  }

  #putAway(launch: string): void {
    const run = this.#runs.get(launch);
    if (run === undefined) return;
    this.#records.set(launch, run.record);
    this.#runs.delete(launch);
  }

  /** The plan of a request, made and looked through, without carrying out anything. */
  async plan(request: LaunchRequest): Promise<Planned> {
    const planned = await this.#shared.plans(request);
    const [first, ...more] = planProblems(planned.plan);
    if (first === undefined) return planned;
    throw new ProblemError({ ...first, detail: more.map((p) => `${p.where ?? ''}: ${p.what}`) });
  }

  /**
   * Starts a launch.
   *
   * @throws ProblemError `conflict` where one of the same app and environment is open
   */
  start(request: LaunchRequest): Promise<string> {
    return this.#begin(request, undefined);
  }

  /** Measures one step afresh against a running environment, as a small launch of its own. */
  check(request: LaunchRequest, step: StepId): Promise<string> {
    return this.#begin(request, step);
  }

  #begin(request: LaunchRequest, step: StepId | undefined): Promise<string> {
    const starting = this.#starting.then(async () => {
      const planned = reduceTo(await this.plan(request), step);
      const { app, environment, steps } = planned.plan;
      if (steps.every(({ applies }) => applies.kind === 'not-applicable')) refuseEmpty(request);
      if (step === undefined) this.#refuseSecond(app, environment);
      const kind = step === undefined ? 'launch' : 'check';
      const launch = await this.#nextName(kind, app, environment);
      const askedAt = this.#shared.clock();
      const record: LaunchRecord = { launch, kind, step, request, plan: planAsData(planned.plan), askedAt };
      await this.#shared.records.write(record);
      const run = new LaunchRun(this.#shared, record, planned);
      await run.load();
      await run.open(planned);
      this.#records.set(launch, record);
      this.#runs.set(launch, run);
      this.#drive(run);
      return launch;
    });
    this.#starting = starting.catch(() => undefined);
    return starting;
  }

  #refuseSecond(app: string, environment: string): void {
    for (const { record } of this.#runs.values()) {
      if (record.kind === 'check' || record.plan.app !== app || record.plan.environment !== environment) continue;
      fail({
        kind: 'conflict',
        what: `${record.request.by} has a launch of ${app} to ${environment} open since ${new Date(record.askedAt).toISOString()}`,
        where: record.launch,
        next: `\`holdpoint attach ${record.launch}\` shows it; \`holdpoint abort ${record.launch}\` ends it`,
      });
    }
  }

  /** `APP-ENVIRONMENT-NUMBER`, after the last that the records or the ledger know. */
  async #nextName(kind: LaunchRecord['kind'], app: string, environment: string): Promise<string> {
    const prefix = `${kind === 'check' ? 'check-' : ''}${plain(app)}-${plain(environment)}-`;
    const known = [...this.#records.keys(), ...(await this.#shared.leaves.launches()).map(({ launch }) => launch)];
    const numbers = known.filter((name) => name.startsWith(prefix)).map((name) => Number(name.slice(prefix.length)));
    return `${prefix}${Math.max(0, ...numbers.filter(Number.isInteger)) + 1}`;
  }

  /** Every launch and check, oldest first. */
  records(): readonly LaunchRecord[] {
    return [...this.#records.values()];
  }

  isOpen(launch: string): boolean {
    return this.#runs.has(launch);
  }

  /** @throws ProblemError `input` where there is no such launch */
  async snapshot(launch: string): Promise<LaunchSnapshot> {
    const now = this.#shared.clock();
    const run = this.#runs.get(launch);
    if (run === undefined) return this.#past(this.#record(launch), now);
    const { record, faults, said, stuck } = run;
    const looked = { plan: record.plan, state: run.state(now), leaves: run.leaves(), asOf: now, now };
    return { record, ...looked, said, waiting: run.waiting(), problem: stuck, faults, isOpen: true };
  }

  /** As it stood at its end: what came later is not its evidence, and ages do not go on. */
  async #past(record: LaunchRecord, now: Instant): Promise<LaunchSnapshot> {
    const { launch, plan } = record;
    const { app, environment } = plan;
    const all = await this.#shared.leaves.read(record.kind === 'check' ? { launch } : { app, environment });
    const closed = all.find((l) => l.key.launch === launch && l.body.kind === 'closed');
    // A statement may be added to a launch that is over.
    const until = closed === undefined ? all : all.filter((l) => l.index <= closed.index || l.key.launch === launch);
    const asOf = closed?.body.kind === 'closed' ? closed.body.at : now;
    const at = state(plan, launch, until, asOf);
    const looked = { plan, state: at, leaves: leavesOf(launch, at, until), asOf, now };
    return { record, ...looked, said: new Map(), waiting: [], problem: undefined, faults: new Map(), isOpen: false };
  }

  /** @throws ProblemError where there is no such launch, it is over, or the decision would mean nothing */
  async decide(launch: string, request: DecisionRequest): Promise<Decision> {
    const run = this.#runs.get(launch);
    if (run) return run.decide(request);
    const record = this.#record(launch);
    const closed = new LaunchRun(this.#shared, record);
    await closed.load();
    return closed.decide(request);
  }

  /** Lets a launch that cannot be planned at the moment try again now. */
  nudge(launch: string): void {
    this.#record(launch);
    this.#runs.get(launch)?.wake();
  }

  #record(launch: string): LaunchRecord {
    return (
      this.#records.get(launch) ??
      fail({
        kind: 'input',
        what: `there is no launch ${launch}`,
        next: 'see `holdpoint history` for the launches there are',
      })
    );
  }

  /** @returns the function that ends the subscription */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #emit(event: EngineEvent): void {
    // Whoever hears that a launch is closed finds it closed.
    if (event.kind === 'launch-closed') this.#putAway(event.launch);
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (thrown) {
        this.#shared.log(`a listener failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      }
    }
  }

  #spread(from: LaunchRecord, leaves: readonly Leaf[]): void {
    for (const run of this.#runs.values()) {
      const { launch, plan } = run.record;
      if (launch === from.launch || plan.app !== from.plan.app || plan.environment !== from.plan.environment) continue;
      run.learn(leaves);
    }
  }

  /** How many workflows have not ended, here or in an earlier process. */
  unfinished(): Promise<number> {
    return this.#shared.workflows().unfinished();
  }

  /** Lets go of everything as it stands. Running attempts stay open in the ledger and are taken up by the next process. */
  async stop(): Promise<void> {
    this.#ending.abort();
    for (const run of this.#runs.values()) run.wake();
    await this.#workflows?.close();
  }
}

/** Nothing would be shown by such a launch, so it could never be green. */
const refuseEmpty = ({ directory, environment }: LaunchRequest): never =>
  fail({
    kind: 'input',
    what: `the plan for ${environment} has no step that applies`,
    where: directory,
    next: 'see `holdpoint plan`: each step says why it does not apply',
  });

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9.]+/g, '-');
