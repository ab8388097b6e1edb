import { error, fail, ok, type Result } from "@meterseal/core";

/** A period that a scope names; a number is a length in seconds. */
export type ScopePeriod = (typeof NAMED_PERIODS)[number] | number;

/**
 * What a third party asks for with the scope of its OAuth request (Green Button Connect My Data, NAESB
 * REQ.21 ESPI). Lists keep their order.
 */
export type GreenButtonScope = {
    /** Function blocks: 4 interval metering, 5 electricity, 8 forward and reverse, 15 usage summary, … */
    readonly functionBlocks: readonly number[];
    /** Lengths of the intervals. */
    readonly intervalDurations: readonly ScopePeriod[];
    /** How intervals are bundled for delivery; it does not change what is seen. */
    readonly blockDurations: readonly ScopePeriod[];
    /** How far back; see {@link historyOf}. */
    readonly historyLength?: number;
    /** How often news are delivered: a subscription. */
    readonly subscriptionFrequency?: ScopePeriod;
    /** Number of usage points. */
    readonly accountCollection?: number;
    /** Name of a bulk resource. */
    readonly bulkId?: string;
};

const NAMED_PERIODS = ["billingPeriod", "daily", "monthly", "seasonal", "weekly"] as const;
/** Longest scope that is looked at. */
const SCOPE_MAX = 1024;
const TERMS = ["FB", "IntervalDuration", "BlockDuration", "HistoryLength"] as const;
const OTHER_TERMS = ["SubscriptionFrequency", "AccountCollection", "BR"] as const;
const BLOCK_MAX = 99;
const BULK_ID = /^[0-9A-Za-z-]{1,64}$/;

/**
 * Reads a scope by the grammar of the Green Button developer pages. Names of periods and terms are
 * taken in any case, as utilities write them; a leading `scope=` and a last `;` are taken too.
 * @returns MS_USAGE for anything else, naming the term.
 * @example parseScope("FB=4_5_15;IntervalDuration=900;BlockDuration=monthly;HistoryLength=13")
 */
export function parseScope(text: string): Result<GreenButtonScope> {
    if (text.length > SCOPE_MAX) return refuse(`at most ${SCOPE_MAX} characters`);
    const terms = new Map<string, string>();
    for (const part of text.replace(/^scope=/i, "").split(";")) {
        if (part === "") continue;
        const [name = "", value] = part.split("=", 2);
        const term = [...TERMS, ...OTHER_TERMS].find((one) => {
            return one.toLowerCase() === name.trim().toLowerCase();
        });
        if (term === undefined || value === undefined || terms.has(term)) {
            return refuse("each term once: FB, IntervalDuration, BlockDuration, …", part);
        }
        terms.set(term, value.trim());
    }
    try {
        return ok(readTerms(terms));
    } catch (cause) {
        return refuse(cause instanceof RangeError ? cause.message : "a scope", text);
    }
}

/** Writes a scope; inverse of {@link parseScope}. */
export function formatScope(scope: GreenButtonScope): string {
    const { accountCollection, bulkId, historyLength, subscriptionFrequency } = scope;
    const terms: [string, string | number | undefined][] = [
        ["FB", scope.functionBlocks.join("_")],
        ["IntervalDuration", scope.intervalDurations.join("_") || undefined],
        ["BlockDuration", scope.blockDurations.join("_") || undefined],
        ["HistoryLength", historyLength],
        ["SubscriptionFrequency", subscriptionFrequency],
        ["AccountCollection", accountCollection],
        ["BR", bulkId],
    ];
    return terms
        .flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`))
        .join(";");
}

function readTerms(terms: ReadonlyMap<string, string>): GreenButtonScope {
    const list = (name: string): ScopePeriod[] => {
        return (
            terms
                .get(name)
                ?.split("_")
                .map((part) => readPeriod(part, name)) ?? []
        );
    };
    const blocks = terms.get("FB");
    if (blocks === undefined) throw new RangeError("FB=, the function blocks");
    const history = terms.get("HistoryLength");
    const frequency = terms.get("SubscriptionFrequency");
    const accounts = terms.get("AccountCollection");
    const bulkId = terms.get("BR");
    if (bulkId !== undefined && !BULK_ID.test(bulkId)) throw new RangeError("BR= with a name");
    return {
        functionBlocks: blocks.split("_").map((block) => readNumber(block, "FB", 1, BLOCK_MAX)),
        intervalDurations: list("IntervalDuration"),
        blockDurations: list("BlockDuration"),
        ...(history === undefined ? {} : { historyLength: readNumber(history, "HistoryLength") }),
        ...(frequency === undefined
            ? {}
            : { subscriptionFrequency: readPeriod(frequency, "SubscriptionFrequency") }),
        ...(accounts === undefined
            ? {}
            : { accountCollection: readNumber(accounts, "AccountCollection") }),
        ...(bulkId === undefined ? {} : { bulkId }),
    };
}

function readPeriod(text: string, name: string): ScopePeriod {
    const known = NAMED_PERIODS.find((one) => one.toLowerCase() === text.toLowerCase());
    return known ?? readNumber(text, name);
}

function readNumber(text: string, name: string, min = 0, max = 0xffff_ffff): number {
    const number = Number(text);
    if (/^(?:0|[1-9]\d{0,9})$/.test(text) && number >= min && number <= max) return number;
    throw new RangeError(`${name}= with whole numbers or ${NAMED_PERIODS.join(", ")}`);
}

function refuse(expected: string, got?: string): Result<never> {
    const found = got === undefined ? {} : { got: JSON.stringify(got.slice(0, 80)) };
    return fail(error("MS_USAGE", { where: "scope", expected, ...found }));
}
