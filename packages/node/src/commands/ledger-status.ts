import { error } from "@meterseal/core";
import { lockHolder } from "@meterseal/stores";
import { type Command, type Options, textOption } from "../cli/arguments.ts";
import { out } from "../console.ts";
import type { LedgerStatus } from "../exchange/status.ts";
import { EXIT } from "../exit-codes.ts";
import { PLACES, requireDirectory } from "../files.ts";
import { askApi } from "../http-client.ts";
import { LEDGER_STATUS_ROUTE } from "../server/ledger-routes.ts";
import { readAddress } from "../server/operator.ts";
import { LEDGER_OPTIONS } from "./ledger-source.ts";

type Branch = Extract<LedgerStatus, { role: "branch" }>;

/** `meterseal ledger status`: role of a running server, heads, what waits, and who is connected. */
export const ledgerStatusCommand: Command = {
    name: "ledger status",
    summary: "says how a running server's ledger stands: role, peers, heads, what waits",
    options: {
        ...LEDGER_OPTIONS,
        data: { kind: "value", value: "DIR", help: "data directory of a server that runs" },
        json: { kind: "flag", help: "prints the status as JSON" },
    },
    examples: [
        "meterseal ledger status --data .meterseal/branch",
        "meterseal ledger status --url http://127.0.0.1:8480 --json",
    ],
    async run(options) {
        const answer = await askApi(urlOf(options), LEDGER_STATUS_ROUTE);
        const status = (await answer.json()) as LedgerStatus;
        out(options.json === true ? JSON.stringify(status) : words(status).join("\n"));
        return status.role === "branch" && status.evidence > 0 ? EXIT.fault : EXIT.ok;
    },
};

/** Address of the server that the options name. */
function urlOf(options: Options): string {
    const [url, data] = [textOption(options, "url"), textOption(options, "data")];
    if ((url === undefined) === (data === undefined)) {
        const got = url === undefined ? "neither" : "both";
        throw error("MS_USAGE", { expected: "--url URL or --data DIR", got });
    }
    if (data === undefined) {
        if (url !== undefined && /^https?:/i.test(url) && URL.canParse(url)) return url;
        throw error("MS_USAGE", { expected: "--url such as http://127.0.0.1:8480", got: `${url}` });
    }
    requireDirectory(data);
    const address = lockHolder(PLACES.server(data)) === null ? null : readAddress(data);
    if (address !== null) return address.http;
    const todo = `Start it: meterseal serve --data ${data}`;
    throw error("MS_LINK", { where: data, got: "no server that runs", todo });
}

function words(status: LedgerStatus): string[] {
    const heads = status.heads.map(
        ({ author, id, round }) => `  ${author}  round ${round}  ${id.slice(0, 24)}…`,
    );
    return [
        `role:       ${status.role}`,
        `checkpoint: ${checkpointWords(status.log)}`,
        ...(status.role === "branch" ? branchWords(status) : []),
        ...(status.role === "sequencer" ? sequencerWords(status) : []),
        `heads:      ${heads.length === 0 ? "none" : ""}`.trimEnd(),
        ...heads,
    ];
}

function checkpointWords({ lastEntryMs, root, size }: LedgerStatus["log"]): string {
    if (size === 0) return "none yet";
    const last = new Date(lastEntryMs).toISOString();
    return `${size} entries, the last of ${last}, root ${root.slice(0, 16)}…`;
}

function branchWords({ evidence, log, peers, refusedHere, sequencer, waiting }: Branch): string[] {
    const behind = Math.max(0, sequencer.logSize - log.size);
    const list = (counts: Readonly<Record<string, number>>): string =>
        Object.entries(counts)
            .map(([code, count]) => `${count} ${code}`)
            .join(", ");
    const optional = [
        [list(waiting.refused), "refused:   "],
        [list(refusedHere), "refused here:"],
        [evidence === 0 ? "" : `${evidence} kept in server/evidence`, "evidence:  "],
    ] as const;
    return [
        `sequencer:  ${connectionWords(sequencer)}${behind > 0 ? `, ${behind} entries ahead` : ""}`,
        ...peers.map((peer) => `peer:       ${peer.name}: ${connectionWords(peer)}`),
        `waiting:    ${waiting.own} vertices of ours, ${waiting.foreign} of others, ${waiting.orphans} without their parents`,
        ...optional.filter(([text]) => text !== "").map(([text, name]) => `${name} ${text}`),
    ];
}

function connectionWords({
    reason,
    sinceMs,
    state,
}: Pick<Branch["sequencer"], "reason" | "sinceMs" | "state">): string {
    const since = new Date(sinceMs).toISOString();
    return `${state} since ${since}${reason === null ? "" : `: ${reason}`}`;
}

function sequencerWords(status: Extract<LedgerStatus, { role: "sequencer" }>): string[] {
    const refused = Object.values(status.refused).reduce((sum, count) => sum + count, 0);
    return [`branches:   ${status.orphans} vertices without their parents, ${refused} refused`];
}
