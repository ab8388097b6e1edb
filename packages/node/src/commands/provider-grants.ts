import { formatInstant, LIMITS, toHex, unwrap } from "@meterseal/core";
import { type Grant, parseGrant } from "@meterseal/seal";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { kindName } from "../household/own-grants.ts";
import { openParty } from "../party/party.ts";
import { type ListedGrant, serverAs } from "../party/server-api.ts";

const LEVELS = ["slots", "hours", "days", "months"] as const;

/** `meterseal provider grants`: what households granted to a provider. */
export const providerGrantsCommand: Command = {
    name: "provider grants",
    summary: "lists the grants that a server has for a provider",
    options: {
        dir: { kind: "value", value: "DIR", help: "directory of the provider's keys" },
        url: { kind: "value", value: "URL", help: "server with the grants" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: ["meterseal provider grants --dir my-provider --url http://127.0.0.1:8480"],
    async run(options) {
        const provider = openParty(requiredOption(options, "dir", "DIR"));
        const api = serverAs(provider, requiredOption(options, "url", "URL"));
        const { nowUnix } = await api.network();
        const own = toHex(provider.party.id);
        const listed = (await api.grants()).filter(({ recipient }) => recipient === own);
        const rows = [];
        for (const item of listed) {
            // The box hands out no grant that was taken back.
            const bytes = item.isRevoked ? null : await api.grant(item.hash, "list of grants");
            const grant = bytes === null ? null : unwrap(parseGrant(bytes));
            rows.push(describe(grant, item, nowUnix));
        }
        if (options.json === true) out(JSON.stringify({ grants: rows }));
        else if (rows.length === 0) say("No household has granted anything to this provider yet.");
        else for (const row of rows) out(lineOf(row));
        return EXIT.ok;
    },
};

/** A grant in words that need no key; of one that was taken back its name alone. */
type Row = {
    readonly grant: string;
    readonly household: string;
    readonly state: "valid" | "revoked" | "expired" | "not valid yet";
    readonly terms?: {
        readonly meter: string;
        readonly kind: string;
        /** What its sums are over. */
        readonly sums: string;
        readonly groups: readonly number[];
        readonly from: string;
        readonly to: string;
        readonly leaseEnd?: string;
    };
};

function describe(grant: Grant | null, { hash, issuer }: ListedGrant, nowUnix: number): Row {
    const name = { grant: hash, household: issuer };
    if (grant === null) return { ...name, state: "revoked" };
    const { fromUnix, groups, leaseEndUnix, level, subject, toUnix, window, zone } = grant;
    const instant = (unix: number): string => formatInstant(unix, zone);
    return {
        ...name,
        state: stateOf(grant, nowUnix),
        terms: {
            meter: toHex(subject),
            kind: kindName(grant),
            sums: level === undefined ? (window ?? "weighted") : `${LEVELS[level]} and longer`,
            groups,
            from: instant(fromUnix),
            to: instant(toUnix),
            ...(leaseEndUnix === undefined ? {} : { leaseEnd: instant(leaseEndUnix) }),
        },
    };
}

function stateOf({ issuedUnix, leaseEndUnix }: Grant, nowUnix: number): Row["state"] {
    if (leaseEndUnix !== undefined && leaseEndUnix <= nowUnix) return "expired";
    return issuedUnix > nowUnix + LIMITS.clockAheadSeconds ? "not valid yet" : "valid";
}

function lineOf({ grant, household, state, terms }: Row): string {
    const name = grant.slice(0, 12);
    if (terms === undefined) return `${name}  household ${household.slice(0, 8)}  ${state}`;
    const { from, meter, sums, to } = terms;
    return `${name}  meter ${meter.slice(0, 8)}  ${sums}, ${from} to ${to}  ${state}`;
}
