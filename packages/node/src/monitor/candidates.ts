import { toHex } from "@meterseal/core";
import type { Party } from "@meterseal/record";
import { exchangeKeyOf } from "@meterseal/wallet";
import { arrayField, type Fields, integerField, isFields, stringField } from "../json-fields.ts";
import type { ServerApi } from "../party/server-api.ts";
import type { Candidate } from "./form.ts";

/** Which streams a monitor looks for. */
export type Wanted = {
    /** IANA zone; null takes any. */
    readonly zone: string | null;
    readonly groups: readonly number[];
};

const LIST_MAX = 10_000;

/**
 * What households of the ledger may be in a cohort: of each the first sealed stream that is wanted,
 * at its present seal epoch. Households without an exchange key or without such a stream are left
 * out.
 */
export async function findCandidates(
    api: ServerApi,
    households: readonly Party[],
    wanted: Wanted,
): Promise<Candidate[]> {
    const found: Candidate[] = [];
    for (const household of households) {
        const key = exchangeKeyOf(household);
        if (key === null) continue;
        for (const stream of household.streams) {
            const path = `/api/v1/streams/${toHex(stream)}/sums?window=total`;
            const said = describe(await api.json(path));
            const isWanted =
                said.mode === "sealed" &&
                (wanted.zone ?? said.zone) === said.zone &&
                wanted.groups.every((group) => said.groups.includes(group));
            if (!isWanted) continue;
            found.push({ ...said, party: household.id, stream, key });
            break;
        }
    }
    return found;
}

function describe(answer: Fields): Omit<Candidate, "party" | "stream" | "key"> & {
    readonly mode: string;
} {
    return {
        mode: stringField(answer, "mode"),
        zone: stringField(answer, "zone"),
        slotSeconds: integerField(answer, "slotSeconds"),
        scale: integerField(answer, "scale"),
        groups: arrayField(answer, "groups", LIST_MAX).map(Number),
        sealEpoch: lastEpoch(answer),
    };
}

/** Seal epoch of the newest boundary; 0 where there is none. */
function lastEpoch(answer: Fields): number {
    const window = arrayField(answer, "windows", LIST_MAX).filter(isFields).at(-1);
    const part = window && arrayField(window, "parts", LIST_MAX).filter(isFields).at(-1);
    return part !== undefined && isFields(part.to) ? integerField(part.to, "sealEpoch") : 0;
}
