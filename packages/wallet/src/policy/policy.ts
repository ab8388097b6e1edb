import { error, fail, ok, type Result } from "@meterseal/core";
import { DAY_SECONDS_MIN } from "@meterseal/seal";
import { fields, hex, list, text } from "./json.ts";

/** Shortest stretch of each name in seconds, over offset changes of up to two hours. */
const MINIMUM_SECONDS = {
    slot: 0,
    "half-hour": 1800,
    hour: 3600,
    day: DAY_SECONDS_MIN,
    week: 7 * 86_400 - 7200,
    month: 28 * 86_400 - 7200,
    year: 365 * 86_400 - 7200,
} as const;

/** What a household agrees to, and who it thinks may talk to whom. */
export type Policy = {
    /** Shortest stretch in seconds that nobody may fall below who is not named. */
    readonly minimumSeconds: number;
    /** The same by recipient: party id in hex. */
    readonly minimumOf: ReadonlyMap<string, number>;
    /** Recipients whose knowledge is counted together: party ids in hex. */
    readonly coalitions: readonly (readonly string[])[];
    /** Whether the wallet makes tokens for cohorts that name the household. */
    readonly answersCohorts: boolean;
};

/** What holds where a household has written down nothing: each grant says for itself. */
export const NO_POLICY: Policy = {
    minimumSeconds: 0,
    minimumOf: new Map(),
    coalitions: [],
    answersCohorts: true,
};

const FORMAT = "meterseal-policy/v1";

/**
 * Reads a policy file: `{"format": "meterseal-policy/v1", "minimum": "day", "recipients": {"PARTY":
 * "hour"}, "coalitions": [["PARTY", "PARTY"]], "cohorts": "none"}`; all but the format may be left out.
 * @returns MS_CONFIG, where a field is unknown or no window, party or coalition of two and more.
 */
export function parsePolicy(content: string): Result<Policy> {
    try {
        const {
            format,
            minimum,
            recipients,
            coalitions,
            cohorts = "all",
            ...rest
        } = fields(JSON.parse(content));
        if (format !== FORMAT) return refuse(`"format": "${FORMAT}"`);
        const unknown = Object.keys(rest)[0];
        if (unknown !== undefined) {
            return refuse("minimum, recipients, coalitions and cohorts", unknown);
        }
        if (cohorts !== "all" && cohorts !== "none") return refuse('"cohorts": "all" or "none"');
        const byRecipient = Object.entries(fields(recipients ?? {}));
        return ok({
            minimumSeconds: minimum === undefined ? 0 : secondsOf(minimum),
            minimumOf: new Map(byRecipient.map(([id, name]) => [hex(id, 16), secondsOf(name)])),
            coalitions: list(coalitions ?? [], (entry) => {
                const members = list(entry, (member) => hex(member, 16));
                if (new Set(members).size < 2) throw new RangeError("coalition");
                return members;
            }),
            answersCohorts: cohorts === "all",
        });
    } catch {
        const windows = Object.keys(MINIMUM_SECONDS).join(", ");
        return refuse(`JSON with party ids in hex, coalitions of two and more, windows ${windows}`);
    }
}

function refuse(expected: string, got?: string): Result<Policy> {
    const where = "policy file";
    return fail(error("MS_CONFIG", { where, expected, ...(got === undefined ? {} : { got }) }));
}

function secondsOf(name: unknown): number {
    const known = text(name);
    if (!Object.hasOwn(MINIMUM_SECONDS, known)) throw new RangeError("window");
    return MINIMUM_SECONDS[known as keyof typeof MINIMUM_SECONDS];
}

/** Shortest stretch in seconds that a recipient may get to know. */
export function minimumFor(policy: Policy, recipient: string): number {
    return policy.minimumOf.get(recipient) ?? policy.minimumSeconds;
}
