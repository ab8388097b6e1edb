import {
    error,
    formatInstant,
    isWindowName,
    type Ladder,
    parseInstant,
    unwrap,
    WINDOW_NAMES,
} from "@meterseal/core";
import { GRANT_KIND, type PolicyTerms } from "@meterseal/seal";
import {
    askOfProfile,
    asksOfScope,
    GRANT_PROFILES,
    type GrantAsk,
    type KeyFile,
    parseScope,
    type WeightedAsk,
} from "@meterseal/wallet";
import { MARKET_OPTION } from "../billing/ledger-tariff.ts";
import { hexOption, type OptionSpec, type Options, textOption } from "../cli/arguments.ts";

/** Options that say what is granted. */
export const ASK_OPTIONS: Readonly<Record<string, OptionSpec>> = {
    level: {
        kind: "value",
        value: "WINDOW",
        help: `sums over what: ${WINDOW_NAMES.join(", ")}`,
    },
    kind: {
        kind: "value",
        value: "KIND",
        help: "K keys from a level on, E keys of the windows' ends, D one number a window (as fits)",
    },
    profile: {
        kind: "value",
        value: "NAME",
        help: GRANT_PROFILES.map(({ name }) => name).join(", "),
    },
    scope: {
        kind: "value",
        value: "SCOPE",
        help: "a Green Button scope: FB=4_5_15;IntervalDuration=900;BlockDuration=monthly;HistoryLength=13",
    },
    tariff: {
        kind: "value",
        value: "HASH",
        help: "one sum at the prices of a tariff on the ledger (kind W); needs --url",
    },
    market: MARKET_OPTION,
    from: { kind: "value", value: "TIME", help: "ISO 8601, civil in the stream's zone" },
    "to-date": { kind: "value", value: "TIME", help: "end; a date is its first instant" },
    groups: { kind: "value", value: "LIST", help: "registers: 0 import, 1 export, … (0)" },
};

/** What is granted, before it is known whether the stream has it. */
export type Asked =
    | { readonly kind: "windows"; readonly asks: readonly GrantAsk[] }
    /** One sum at the prices of a tariff, by its hash. */
    | {
          readonly kind: "tariff";
          readonly hash: string;
          readonly ask: Omit<WeightedAsk, "isMarketSeries" | "tariff">;
          /** Party that the household believes to be an independent market; null for none. */
          readonly market: Uint8Array | null;
      };

/**
 * What the options ask for: one grant, or with a scope one or two.
 * @param nowUnix - to which a scope's history reaches.
 * @throws MetersealError MS_USAGE, MS_STREAM_RULE.
 */
export function readAsks(options: Options, key: KeyFile, ladder: Ladder, nowUnix: number): Asked {
    const ways = ["level", "profile", "scope", "tariff"];
    const named = ways.filter((name) => options[name] !== undefined);
    if (named.length !== 1) {
        const expected = `one of ${ways.map((way) => `--${way}`).join(", ")}`;
        throw error("MS_USAGE", { expected, got: named.length === 0 ? "none" : named.join(", ") });
    }
    const groups = readGroups(options);
    const hash = textOption(options, "tariff");
    if (hash !== undefined) return tariffAsk(options, key, hash, groups);
    const asks = askedFor(options, key, ladder, nowUnix);
    if (groups === null) return { kind: "windows", asks };
    return { kind: "windows", asks: asks.map((ask) => ({ ...ask, groups })) };
}

function tariffAsk(
    options: Options,
    key: KeyFile,
    hash: string,
    groups: readonly number[] | null,
): Asked {
    const [group = 0, second] = groups ?? [0];
    if (!/^[0-9a-f]{64}$/i.test(hash)) {
        throw error("MS_USAGE", { expected: "--tariff with the 64 digits of its hash", got: hash });
    }
    if (second !== undefined) {
        throw error("MS_USAGE", { expected: "one register a grant with --tariff" });
    }
    const kind = textOption(options, "kind");
    if (kind !== undefined && kind.toUpperCase() !== "W") {
        throw error("MS_USAGE", { expected: "--kind W with --tariff", got: kind });
    }
    const range = needRange(options, key);
    const market = hexOption(options, "market", 16);
    return { kind: "tariff", hash: hash.toLowerCase(), ask: { group, ...range }, market };
}

function askedFor(
    options: Options,
    key: KeyFile,
    ladder: Ladder,
    nowUnix: number,
): readonly GrantAsk[] {
    const scope = textOption(options, "scope");
    if (scope !== undefined) {
        const asks = unwrap(asksOfScope(unwrap(parseScope(scope)), ladder, nowUnix));
        const [from, to] = [readTime(options, "from", key), readTime(options, "to-date", key)];
        return asks.map((ask) => ({
            ...ask,
            fromUnix: from ?? ask.fromUnix,
            toUnix: to ?? ask.toUnix,
        }));
    }
    const { fromUnix, toUnix } = needRange(options, key);
    const profile = textOption(options, "profile");
    if (profile !== undefined) return [unwrap(askOfProfile(profile, ladder, fromUnix, toUnix))];
    const window = textOption(options, "level") ?? "";
    if (!isWindowName(window)) {
        throw error("MS_USAGE", { expected: `--level ${WINDOW_NAMES.join("|")}`, got: window });
    }
    const kind = readKind(options);
    const ask = { window, groups: [0], fromUnix, toUnix };
    return [kind === null ? ask : { ...ask, kind }];
}

function needRange(
    options: Options,
    key: KeyFile,
): { readonly fromUnix: number; readonly toUnix: number } {
    const [fromUnix, toUnix] = [needTime(options, "from", key), needTime(options, "to-date", key)];
    if (fromUnix >= toUnix) throw error("MS_USAGE", { expected: "--from before --to-date" });
    return { fromUnix, toUnix };
}

/** Kind that `--kind` names; null where it does not. */
export function readKind(options: Options): PolicyTerms["kind"] | null {
    const text = textOption(options, "kind");
    if (text === undefined) return null;
    const name = text.toUpperCase();
    if (name === "K" || name === "D" || name === "E") return GRANT_KIND[name];
    const todo = "W comes with --tariff; what a cohort needs is made by wallet run.";
    throw error("MS_USAGE", { expected: "--kind K|D|E", got: text, todo });
}

/** Groups that `--groups` lists; null where it does not. */
export function readGroups(options: Options): number[] | null {
    const text = textOption(options, "groups");
    if (text === undefined) return null;
    const groups = text.split(",").map(Number);
    const ascend = groups.every((group, i) => group > (groups[i - 1] ?? -1));
    if (/^\d{1,2}(?:,\d{1,2})*$/.test(text) && ascend) return groups;
    throw error("MS_USAGE", {
        expected: "--groups with ascending numbers, such as 0,1",
        got: text,
    });
}

function readTime(options: Options, name: string, { zone }: KeyFile): number | undefined {
    const text = textOption(options, name);
    return text === undefined ? undefined : unwrap(parseInstant(text, zone));
}

function needTime(options: Options, name: string, key: KeyFile): number {
    const unix = readTime(options, name, key);
    if (unix !== undefined) return unix;
    const example = formatInstant(0, key.zone).slice(0, 10);
    throw error("MS_USAGE", { expected: `--${name} TIME, such as ${example}`, got: "none" });
}
