import { error, fail, fromHex, ok, type Result, toHex } from "@meterseal/core";

/** What all validators of a network begin with: `app_state` of CometBFT's genesis file. */
export type GenesisState = {
    /** Genesis of the network, whose hash is its id. */
    readonly genesis: Uint8Array;
    /** First entries of the log: the collectors' enrolments. */
    readonly entries: readonly Uint8Array[];
};

const ENTRIES_MAX = 1_000;
const HEX = /^(?:[0-9a-f]{2})+$/;

/** JSON value of `app_state`. */
export function formatGenesisState({ entries, genesis }: GenesisState): unknown {
    return { genesis: toHex(genesis), entries: entries.map(toHex) };
}

/** Parses the bytes of `app_state`. Fails with MS_GENESIS. */
export function parseGenesisState(bytes: Uint8Array): Result<GenesisState> {
    try {
        const value = JSON.parse(new TextDecoder().decode(bytes)) as Partial<{
            genesis: unknown;
            entries: unknown;
        }> | null;
        const { entries, genesis } = value ?? {};
        const hex = (text: unknown): Uint8Array => {
            if (typeof text !== "string" || !HEX.test(text)) throw new Error("no hexadecimal text");
            return fromHex(text);
        };
        if (!Array.isArray(entries) || entries.length > ENTRIES_MAX) throw new Error("no entries");
        return ok({ genesis: hex(genesis), entries: entries.map(hex) });
    } catch (cause) {
        const expected = "app_state with genesis and entries in hexadecimal";
        return fail(error("MS_GENESIS", { where: "CometBFT genesis", expected, cause }));
    }
}
