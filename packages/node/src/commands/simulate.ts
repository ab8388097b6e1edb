import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { error } from "@meterseal/core";
import { type Command, integerOption, textOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { claimDirectory } from "../files.ts";
import { LONDON_HOMES_MAX } from "../fleet/london.ts";
import { shutdownSignal } from "../shutdown.ts";
import { SimulatedNetwork, type SimulationPlan, shortRoot } from "../simulate/network.ts";
import { isMerged, type LedgerOutcome, readOutcome } from "../simulate/outcome.ts";
import {
    type DayReport,
    meterCount,
    runDays,
    type Standing,
    settle,
} from "../simulate/simulation.ts";
import { formatReport } from "../verify/report.ts";
import { verifyDirectory } from "../verify/verify.ts";

const DEFAULTS = { branches: 10, real: 2, days: 6 } as const;

/** `meterseal simulate`: branches over links that come and go, beside a few real ones. */
export const simulateCommand: Command = {
    name: "simulate",
    summary:
        "runs simulated branches over poor links beside real ones, and compares what each came to",
    options: {
        branches: {
            kind: "value",
            value: "N",
            help: `simulated branches, each with a meter of its own (${DEFAULTS.branches})`,
        },
        real: {
            kind: "value",
            value: "N",
            help: `branches in processes of their own, over the loopback (${DEFAULTS.real})`,
        },
        days: { kind: "value", value: "N", help: `days of readings (${DEFAULTS.days})` },
        seed: { kind: "value", value: "N", help: "seed of cuts and losses (the time of day)" },
        data: {
            kind: "value",
            value: "DIR",
            help: "keeps the directories of the real servers here (removed without it)",
        },
        json: { kind: "flag", help: "prints the outcome as JSON" },
    },
    examples: [
        "meterseal simulate --branches 20",
        "meterseal simulate --branches 5 --seed 7 --json",
    ],
    async run(options) {
        const integer = (name: string, min: number, max: number, byDefault: number): number =>
            integerOption(options, name, { min, max, byDefault });
        const simulated = integer("branches", 1, 64, DEFAULTS.branches);
        const real = integer("real", 0, 8, DEFAULTS.real);
        const days = integer("days", 1, 300, DEFAULTS.days);
        if (meterCount(simulated, real) > LONDON_HOMES_MAX) {
            const expected = `at most ${LONDON_HOMES_MAX} meters, one a simulated branch and three a real one`;
            throw error("MS_USAGE", { expected, got: `${meterCount(simulated, real)}` });
        }
        const seed = integer("seed", 0, 0xffff_ffff, Date.now() % 1_000_000);
        const kept = textOption(options, "data");
        const dataDir = kept ?? mkdtempSync(join(tmpdir(), "meterseal-simulate-"));
        const signal = shutdownSignal();
        const failures: unknown[] = [];
        const onFailure = (cause: unknown): number => failures.push(cause);
        try {
            const plan = { dataDir, simulated, real, seed, signal, onFailure };
            return await simulate(plan, days, failures, options.json === true);
        } catch (cause) {
            if (signal.aborted) return EXIT.ok; // what it interrupted is no failure
            throw cause;
        } finally {
            if (kept === undefined) rmSync(dataDir, { recursive: true, force: true });
        }
    },
};

async function simulate(
    plan: SimulationPlan,
    days: number,
    failures: readonly unknown[],
    json: boolean,
): Promise<number> {
    const { dataDir, real, seed, signal, simulated } = plan;
    claimDirectory(dataDir);
    say(
        `Seed ${seed}: a sequencer, ${real} real branches, ${simulated} simulated ones, ${meterCount(simulated, real)} meters of real homes …`,
    );
    const network = await SimulatedNetwork.start(plan);
    let standings: Standing[] = [];
    try {
        await runDays(network, days, (report) => say(describeDay(report)), signal);
        say("All links stand again; merging …");
        standings = await settle(network, signal);
    } finally {
        await network.close();
    }
    if (signal.aborted) return EXIT.ok;
    const classOf = new Map(
        network.meters.map(({ plan: { meterClass }, subject }) => [subject.toHex(), meterClass]),
    );
    const outcomes = new Map<string, LedgerOutcome>();
    let faults = 0;
    for (const server of network.servers) {
        outcomes.set(server.name, await readOutcome(server.dataDir, classOf, network.draws));
        const report = await verifyDirectory(server.dataDir, [], () => undefined);
        faults += report.faults.length;
        if (report.faults.length > 0) say(`${server.name}:\n${formatReport(report)}`);
    }
    const open = network.meters.reduce((sum, { agent }) => sum + agent.openRecords, 0);
    const roots = [
        ...standings.flatMap(({ stateRoot }) => stateRoot ?? []),
        ...[...outcomes.values()].flatMap(({ root, shuffledRoot }) => [root, shuffledRoot]),
    ];
    const merged = isMerged({ roots, troubles: open + faults + failures.length });
    say(describeEnd(standings, outcomes));
    for (const failure of failures) say(`A branch failed: ${String(failure)}`);
    if (open > 0) say(`${open} records are not final.`);
    say(
        merged ? "All have the same state root." : "THEIR STATE ROOTS DIFFER, or not all is final.",
    );
    if (json) {
        const ledger = outcomes.get("sequencer");
        const all = standings.map(({ name, ...rest }) => ({
            name,
            ...rest,
            stateRoot: rest.stateRoot ?? outcomes.get(name)?.root ?? null,
        }));
        out(JSON.stringify({ seed, merged, open, faults, ledger, standings: all }));
    }
    return merged ? EXIT.ok : EXIT.fault;
}

function describeDay({ day, event, heard, links, logSize, up, waiting }: DayReport): string {
    const counts = `links up ${up}/${links}   waiting ${waiting}   heard of others ${heard}   log ${logSize}`;
    return `  day ${String(day).padStart(3)}   ${counts}${event === "" ? "" : `   (${event})`}`;
}

function describeEnd(
    standings: readonly Standing[],
    outcomes: ReadonlyMap<string, LedgerOutcome>,
): string {
    const width = Math.max(...standings.map(({ name }) => name.length));
    const lines = standings.map(({ heads, name, size, stateRoot, waiting }) => {
        const root = shortRoot(stateRoot ?? outcomes.get(name)?.root ?? "");
        return `  ${name.padEnd(width)}   log ${size}   heads ${heads}   waiting ${waiting}   state root ${root}`;
    });
    const ledger = outcomes.get("sequencer");
    if (ledger === undefined) return lines.join("\n");
    const kinds = Object.entries(ledger.kinds).sort(([a], [b]) => (a < b ? -1 : 1));
    const classes = kinds.map(([kind, count]) => `${count} of class ${kind}`).join(", ");
    return `${lines.join("\n")}
${ledger.vertices} vertices of ${ledger.authors} authors, ${ledger.merges} of them merges; ${ledger.records} records (${classes}), ${ledger.duplicates} brought twice.
Played in another order: state root ${shortRoot(ledger.shuffledRoot)}`;
}
