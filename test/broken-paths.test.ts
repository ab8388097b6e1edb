import type { BreakablePath } from "@meterseal/testkit/breakable-path";
import { beforeAll, describe, expect, it } from "vitest";
import { type LinkKind, PathBed, type Waits } from "./path-bed.ts";

/** A meter that soon gives up what is silent. */
const HASTY: Waits = { keepaliveSeconds: 1, connectTimeoutMs: 2_000, ackTimeoutMs: 2_000 };
/** One behind whose back the server believes for long that an old connection stands. */
const TRUSTED: Waits = { ...HASTY, keepaliveSeconds: 60 };
const PATIENT: Waits = { ...TRUSTED, ackTimeoutMs: 60_000 };
const TEST_MS = 120_000;

type Case = {
    readonly name: string;
    readonly waits: Waits;
    readonly run: (bed: PathBed) => Promise<void>;
};

/** A path that only silence gives away, and how it comes back. */
function halfOpen(
    name: string,
    waits: Waits,
    breaks: (path: BreakablePath) => void,
    heals: (path: BreakablePath) => void,
): Case {
    const run = async (bed: PathBed): Promise<void> => {
        await bed.measure(5);
        await bed.settled();
        breaks(bed.path);
        await bed.measure(30);
        await bed.untilDown();
        expect(bed.agent.openRecords).toBeGreaterThan(0);
        await bed.measure(5);
        heals(bed.path);
        await bed.settled();
        expect(bed.ups).toBeGreaterThan(1);
        expect(bed.resent).toBeGreaterThan(0);
    };
    return { name: `half-open: ${name}`, waits, run };
}

function restarts(name: string, breaks: (path: BreakablePath) => void): Case {
    const run = async (bed: PathBed): Promise<void> => {
        for (let i = 0; i < 2; i++) {
            const measured = bed.measure(200);
            measured.catch(() => {}); // awaited below
            await bed.untilBusy();
            breaks(bed.path);
            await bed.restart();
            bed.path.release();
            await measured;
        }
        await bed.settled();
        expect(bed.ups).toBeGreaterThan(1);
    };
    return { name: `a server that restarts in mid-stream, twice, ${name}`, waits: HASTY, run };
}

const heal = (path: BreakablePath): void => path.restore();
const release = (path: BreakablePath): void => path.release();

const CASES: readonly Case[] = [
    halfOpen("what is sent either way is lost", HASTY, (path) => path.drop(), heal),
    halfOpen("what goes up is lost", TRUSTED, (path) => path.drop(["up"]), heal),
    halfOpen("what comes down is lost", TRUSTED, (path) => path.drop(["down"]), heal),
    halfOpen("what is sent either way arrives late", TRUSTED, (path) => path.hold(), release),
    halfOpen("what goes up arrives late", TRUSTED, (path) => path.hold(["up"]), release),
    halfOpen("what comes down arrives late", HASTY, (path) => path.hold(["down"]), release),
    {
        name: "copies on an old connection arrive after those on a new one",
        waits: HASTY,
        run: async (bed) => {
            await bed.measure(5);
            await bed.settled();
            bed.path.strand();
            await bed.measure(30);
            await bed.settled();
            expect(bed.ups).toBeGreaterThan(1);
            expect(bed.resent).toBeGreaterThanOrEqual(30);
            bed.path.release();
            await bed.measure(5);
            await bed.settled();
        },
    },
    {
        name: "a path that stalls for a moment keeps its connection",
        waits: PATIENT,
        run: async (bed) => {
            bed.path.hold();
            await bed.measure(30);
            bed.path.release();
            await bed.settled();
            expect([bed.ups, bed.downs]).toEqual([1, 0]);
        },
    },
    restarts("with a goodbye", () => {}),
    restarts("without one", (path) => path.cut()),
    restarts("behind a path that holds it back", (path) => path.hold(["down"])),
];

async function runOf({ run, waits }: Case, kind: LinkKind): Promise<void> {
    const bed = await PathBed.open(kind, waits);
    try {
        await run(bed);
        await bed.check();
    } finally {
        await bed.close();
    }
}

describe.each<LinkKind>(["mqtt", "http"])("over %s nothing is lost, nothing doubled", (kind) => {
    const outcomes = new Map<string, Promise<void>>();

    // All at once: each of them waits for timers most of the time.
    beforeAll(() => {
        for (const each of CASES) {
            const outcome = runOf(each, kind);
            outcome.catch(() => {}); // awaited by its test
            outcomes.set(each.name, outcome);
        }
    });

    it.each(CASES.map(({ name }) => name))(
        "%s",
        async (name) => {
            await outcomes.get(name);
        },
        TEST_MS,
    );
});
