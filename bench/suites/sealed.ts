import { join } from "node:path";
import { type Cost, median, timed } from "../lib/measure.ts";
import { feed, packMessages } from "../lib/messages.ts";
import { energyWh, FIRST_SLOT, makeMeters } from "../lib/meters.ts";
import { PlainRows } from "../lib/plain-rows.ts";
import type { Row, Suite } from "../lib/report.ts";
import { openRoles } from "../lib/roles.ts";
import { fileBytes, inTempDirectory } from "../lib/temp.ts";

const CHANNELS = [1, 2, 4];
const METERS = 50;
const READINGS_PER_RECORD = 96;
const RECORDS_PER_METER = { 1: 160, 2: 120, 4: 80 } as const;
const ROUNDS = 3;
const ROWS_PER_TRANSACTION = 1000;

/** What one side of one round took. */
type Side = {
    readonly readings: number;
    /** Until every reading is durable. */
    readonly durable: Cost;
    /** Until the ledger is final (ours only) and the file is closed. */
    readonly closed: Cost;
    readonly bytes: number;
};

/** Sealed records through the collector in this process against plain rows of the same readings. */
export const sealedSuite: Suite = {
    name: "sealed",
    title: "sealed 96-reading records, verified and durable, against a plain SQLite row per reading",
    async run({ quick }) {
        const rows: Row[] = [];
        const facts: string[] = [
            `${METERS} meters; plain rows: ${ROWS_PER_TRANSACTION} per transaction, readings in the same order, all channels in one row, WAL and FULL on both sides`,
        ];
        for (const channels of CHANNELS) {
            const full = RECORDS_PER_METER[channels as 1 | 2 | 4];
            const records = quick ? 10 : full;
            const sealed: Side[] = [];
            const plain: Side[] = [];
            for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
                sealed.push(await runSealed(channels, records));
                plain.push(await runPlain(channels, records));
            }
            rows.push(...rowsOf(channels, sealed, plain));
            facts.push(factOf(channels, sealed, plain));
        }
        return { rows, facts };
    },
};

function rowsOf(channels: number, sealed: readonly Side[], plain: readonly Side[]): Row[] {
    const name = channels === 1 ? "1 channel" : `${channels} channels`;
    const compare = (
        what: string,
        unit: string,
        value: (side: Side) => number,
        target: Row["target"],
    ): Row => {
        const ours = median(sealed.map(value));
        const against = median(plain.map(value));
        return {
            what: `${name}: ${what}`,
            ours: { value: ours, unit },
            against: { value: against, unit },
            ratio: ours / against,
            target,
        };
    };
    const bound = channels === 1 ? { on: "ratio" as const, atLeast: 1.5 } : null;
    const less = channels === 1 ? { on: "ratio" as const, atMost: 1 / 3 } : null;
    const rate = (side: Side): number => side.readings / side.durable.wallS;
    const perCpu = (side: Side): number => side.readings / side.durable.cpuS;
    const toEnd = (side: Side): number => side.readings / (side.durable.wallS + side.closed.wallS);
    return [
        compare("until durable", "readings/s", rate, bound),
        compare("until durable, per CPU-second", "readings", perCpu, null),
        compare("until final and closed", "readings/s", toEnd, null),
        compare("on disk", "B a reading", (side) => side.bytes / side.readings, less),
    ];
}

function factOf(channels: number, sealed: readonly Side[], plain: readonly Side[]): string {
    const rates = (sides: readonly Side[]): string =>
        sides.map((side) => Math.round(side.readings / side.durable.wallS / 1000)).join(", ");
    return `${channels} channel(s), thousand readings/s of the rounds: sealed ${rates(sealed)}; plain ${rates(plain)}`;
}

function runSealed(channels: number, recordsPerMeter: number): Promise<Side> {
    return inTempDirectory(async (dataDir) => {
        const roles = await openRoles(dataDir);
        const meters = makeMeters(METERS, channels);
        const anchors = await roles.enrol(meters);
        const messages = await packMessages(meters, anchors, recordsPerMeter, READINGS_PER_RECORD);
        const durable = await timed(() => feed(roles.collector, messages));
        const closed = await timed(() => roles.close());
        const records = METERS * recordsPerMeter;
        if (roles.finalRecords() !== records) throw new Error("not every record is final");
        return {
            readings: records * READINGS_PER_RECORD,
            durable: durable.cost,
            closed: closed.cost,
            bytes: fileBytes(join(dataDir, "server", "store.db")),
        };
    });
}

function runPlain(channels: number, recordsPerMeter: number): Promise<Side> {
    return inTempDirectory(async (dataDir) => {
        const path = join(dataDir, "plain.db");
        const rows = new PlainRows(path, channels);
        const durable = await timed(() => {
            let open = 0;
            for (let block = 0; block < recordsPerMeter; block++) {
                for (let meter = 0; meter < METERS; meter++) {
                    for (let i = 0; i < READINGS_PER_RECORD; i++) {
                        if (open === 0) rows.begin();
                        const slot = FIRST_SLOT + block * READINGS_PER_RECORD + i;
                        rows.add(meter, slot, (channel) => energyWh(meter, slot, channel));
                        if (++open === ROWS_PER_TRANSACTION) {
                            rows.commit();
                            open = 0;
                        }
                    }
                }
            }
            if (open > 0) rows.commit();
        });
        const closed = await timed(() => rows.close());
        return {
            readings: METERS * recordsPerMeter * READINGS_PER_RECORD,
            durable: durable.cost,
            closed: closed.cost,
            bytes: fileBytes(path),
        };
    });
}
