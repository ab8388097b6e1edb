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
    /** The present, seconds since 1970: who has been silent for long is not asked. */
    readonly nowUnix: number;
};

/** Silence after which a stream is taken for one that has ended: a tenant left, a meter is gone. */
const SILENT_SECONDS = 14 * 86_400;
const LIST_MAX = 10_000;

/**
 * What households of the ledger may be in a cohort: of each the first sealed stream that is wanted,
 * at its present seal epoch. Households without an exchange key or without such a stream are left
 * out, and those whose stream has ended.
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
                (said.lastUnix ?? wanted.nowUnix) > wanted.nowUnix - SILENT_SECONDS &&
                wanted.groups.every((group) => said.groups.includes(group));
            if (!isWanted) continue;
            const { lastUnix: _, mode: __, ...candidate } = said;
            found.push({ ...candidate, party: household.id, stream, key });
            break;
        }
    }
    return found;
}

type SaidStream = Omit<Candidate, "party" | "stream" | "key"> & {
    readonly mode: string;
    /** Newest boundary, seconds since 1970; null where there is none. */
    readonly lastUnix: number | null;
};

function describe(answer: Fields): SaidStream {
    return {
        mode: stringField(answer, "mode"),
        zone: stringField(answer, "zone"),
        slotSeconds: integerField(answer, "slotSeconds"),
        scale: integerField(answer, "scale"),
        groups: arrayField(answer, "groups", LIST_MAX).map(Number),
        ...newestOf(answer),
    };
}

/** The newest boundary and its seal epoch; epoch 0 where there is none. */
function newestOf(answer: Fields): Pick<SaidStream, "lastUnix" | "sealEpoch"> {
    const window = arrayField(answer, "windows", LIST_MAX).filter(isFields).at(-1);
    const part = window && arrayField(window, "parts", LIST_MAX).filter(isFields).at(-1);
    const end = part?.to;
    if (!isFields(end)) return { lastUnix: null, sealEpoch: 0 };
    return { lastUnix: integerField(end, "unix"), sealEpoch: integerField(end, "sealEpoch") };
}
