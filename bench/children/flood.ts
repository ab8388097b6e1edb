/** Process of those who wish a server ill: it floods one link at a time. */
import { answerCalls } from "../lib/child.ts";
import { type Flood, floodDoor, RAW_ATTACKS, type RawAttack } from "../lib/doors.ts";
import { LINK_CASES } from "../lib/link-cases.ts";
import { type EnrolledMeter, type FleetPlace, LinkMeter } from "../lib/link-fleet.ts";
import { makeMeters } from "../lib/meters.ts";

/** What is done to a listener: by strangers, or by somebody with a key. */
export const ATTACKS = [...RAW_ATTACKS, "unknown keys", "nested"] as const;
/** One of {@link ATTACKS}. */
export type Attack = (typeof ATTACKS)[number];

/** Calls to this process. */
export type FloodCalls = {
    start: {
        input: {
            readonly attack: Attack;
            readonly link: string;
            readonly place: FleetPlace;
            /** A meter that is enrolled, and sends what no meter sends. */
            readonly traitor: EnrolledMeter;
        };
        output: null;
    };
    /** Conversations or messages that were begun. */
    stop: { input: null; output: number };
};

/** Strangers with keys that nobody knows, all of which try to connect at the same time. */
const STRANGERS = 20;
const PATIENCE_MS = 200;
/** Arrays in one another, as many as a message has bytes. */
const NESTED = new Uint8Array(60_000).fill(0x81);

let flood: Flood | null = null;

answerCalls<FloodCalls>({
    start({ attack, link, place, traitor }) {
        const port = Number(new URL(place.url).port);
        const raw = RAW_ATTACKS.find((each): each is RawAttack => each === attack);
        if (raw !== undefined) flood = floodDoor(link, port, raw);
        else flood = attack === "nested" ? nested(link, place, traitor) : unknownKeys(link, place);
        return null;
    },
    async stop() {
        const begun = (await flood?.stop()) ?? 0;
        flood = null;
        return begun;
    },
});

function caseOf(link: string): (typeof LINK_CASES)[number] {
    const found = LINK_CASES.find(({ name }) => name === link);
    if (found === undefined) throw new Error(`no link ${link}`);
    return found;
}

function repeated(lanes: number, once: () => Promise<void>): Flood {
    let [begun, isOver] = [0, false];
    const lane = async (): Promise<void> => {
        while (!isOver) {
            begun++;
            await once().catch(() => {});
        }
    };
    const all = Promise.all(Array.from({ length: lanes }, lane));
    return {
        async stop() {
            isOver = true;
            await all;
            return begun;
        },
    };
}

function unknownKeys(link: string, place: FleetPlace): Flood {
    const strangers = makeMeters(STRANGERS, 1);
    return repeated(STRANGERS, async () => {
        const meter = strangers[Math.floor(Math.random() * STRANGERS)];
        if (meter === undefined) return;
        const anchor = new Uint8Array(32);
        const stranger = new LinkMeter(caseOf(link), 0, { meter, anchor }, () => {});
        const entry = stranger.connect(place);
        entry.catch(() => {});
        await Promise.race([entry, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
        await stranger.close();
    });
}

function nested(link: string, place: FleetPlace, traitor: EnrolledMeter): Flood {
    const meter = new LinkMeter(caseOf(link), 0, traitor, () => {});
    const up = meter.connect(place);
    up.catch(() => {});
    const inner = repeated(8, async () => {
        await up;
        await meter.send(NESTED).catch(() => new Promise((resolve) => setTimeout(resolve, 5)));
    });
    return {
        async stop() {
            const begun = await inner.stop();
            await meter.close();
            return begun;
        },
    };
}
