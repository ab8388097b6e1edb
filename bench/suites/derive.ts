import { createLadder, slotOfUnix, unwrap } from "@meterseal/core";
import { type Holding, judgeGrant, type Stretch } from "@meterseal/seal";
import { secondsPerCall } from "../lib/measure.ts";
import type { Row, Suite } from "../lib/report.ts";

const HELD = 1_000;
const DAY = 96;
const MONTH = 30 * DAY;
/** 2001-01-01T00:00Z in seconds since 1970. */
const START_UNIX = 978_307_200;
const FIRST = slotOfUnix(START_UNIX, 900);

/** What a wallet works out before each grant, with everything that one recipient holds. */
export const deriveSuite: Suite = {
    name: "derive",
    title: `what a grant makes derivable beside ${HELD} held ones, CPU time of one thread`,
    run({ quick }) {
        const ladder = unwrap(createLadder("Europe/London", 900));
        const candidate = keys(1, 40);
        const rows: Row[] = [
            [
                "monthly leases of keys, four levels",
                Array.from({ length: HELD }, (_, i) => keys(i % 4, i)),
            ],
            ["single days as differences", Array.from({ length: HELD }, (_, i) => day(3 * i))],
            ["a day-and-night tariff each week", Array.from({ length: HELD }, (_, i) => week(i))],
        ].map(([what, held]) => ({
            what: what as string,
            ours: {
                value:
                    secondsPerCall(quick ? 1 : 5, () => {
                        judgeGrant(held as Holding[], candidate, ladder, { minimumSeconds: 0 });
                    }) * 1_000,
                unit: "ms",
            },
            against: null,
            ratio: null,
            target: { on: "ours", atMost: 50 },
        }));
        return Promise.resolve({ rows, facts: [] });
    },
};

function keys(level: number, month: number): Holding {
    const fromSlot = FIRST + month * MONTH;
    const span = { sealEpoch: 0, fromSlot, toSlot: fromSlot + MONTH };
    return { groups: [0], known: { kind: "keys", level: level as 0 | 1 | 2 | 3, spans: [span] } };
}

function day(index: number): Holding {
    const fromSlot = FIRST + index * DAY;
    const windows = [{ fromSlot, toSlot: fromSlot + DAY }];
    return { groups: [0], known: { kind: "differences", windows } };
}

function week(index: number): Holding {
    const light: Stretch[] = [];
    const dark: Stretch[] = [];
    for (let i = 0; i < 7; i++) {
        const start = FIRST + (7 * index + i) * DAY;
        dark.push(
            { fromSlot: start, toSlot: start + 28 },
            { fromSlot: start + 92, toSlot: start + DAY },
        );
        light.push({ fromSlot: start + 28, toSlot: start + 92 });
    }
    return { groups: [0], known: { kind: "sums", rows: [light, dark] } };
}
