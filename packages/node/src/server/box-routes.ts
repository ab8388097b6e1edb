import { bytesEqual, type Clock, error, LIMITS, toHex } from "@meterseal/core";
import type { LedgerState } from "@meterseal/ledger";
import { type BoxItem, type GrantBox, NOTICE_KIND, type Party } from "@meterseal/record";
import type { FastifyInstance } from "fastify";
import { parseBoxMessage } from "../party/box-message.ts";
import { namedBytes, pageOf, type Query } from "./list-query.ts";
import { COSE_TYPE, messageBody } from "./message-body.ts";
import type { PartyGate } from "./party-gate.ts";
import type { Said } from "./said.ts";

/** What the routes of the grant box work with. */
export type BoxTools = {
    readonly state: LedgerState;
    readonly said: Said;
    readonly gate: PartyGate;
    readonly box: GrantBox;
    /** Clock of the roles. */
    readonly clock: Clock;
    /** Told of every request for a message by a party. */
    readonly onAccess: (granted: boolean) => void;
};

type ByHash = { Params: { hash: string }; Querystring: Query };

/** Adds the routes of the grant box: bytes that the server cannot open, for two parties each. */
export function addBoxRoutes(app: FastifyInstance, tools: BoxTools): void {
    const { grant, policy } = NOTICE_KIND;
    const upTo = { bodyLimit: LIMITS.recordBytes };
    type Post = { Body: unknown };
    app.post<Post>("/api/v1/grants", upTo, async ({ body }, reply) =>
        reply.code(201).send(await put(tools, grant, messageBody(body))),
    );
    app.post<Post>("/api/v1/policies", upTo, async ({ body }, reply) =>
        reply.code(201).send(await put(tools, policy, messageBody(body))),
    );
    type List = { Querystring: Query };
    app.get<List>("/api/v1/grants", async ({ headers, query }) => ({
        grants: await list(tools, grant, headers.authorization, query),
    }));
    app.get<List>("/api/v1/policies", async ({ headers, query }) => ({
        policies: await list(tools, policy, headers.authorization, query),
    }));
    app.get<ByHash>("/api/v1/grants/:hash", async (request, reply) => {
        const bytes = await take(tools, grant, request.headers.authorization, request);
        return reply.type(COSE_TYPE).send(Buffer.from(bytes));
    });
    app.get<ByHash>("/api/v1/policies/:hash", async (request, reply) => {
        const bytes = await take(tools, policy, request.headers.authorization, request);
        return reply.type(COSE_TYPE).send(Buffer.from(bytes));
    });
    app.get<ByHash>("/api/v1/grants/:hash/accesses", async ({ headers, params }) => {
        const caller = tools.gate.caller(headers.authorization);
        const hash = namedBytes(params.hash, "grant", 32);
        const message = await tools.box.message(hash);
        if (message === null) throw error("MS_NOT_FOUND", { where: `grant ${params.hash}` });
        if (!bytesEqual(message.issuer, caller.id)) {
            throw error("MS_NOT_ALLOWED", { expected: "the household that issued it" });
        }
        const accesses = await tools.box.accesses(hash);
        return { accesses: accesses.map((each) => ({ ...each, caller: toHex(each.caller) })) };
    });
}

/** Keeps a message whose household signed it and whose notice is final; durable when it resolves. */
async function put(tools: BoxTools, kind: number, bytes: Uint8Array): Promise<unknown> {
    const { box, clock, gate, said, state } = tools;
    const { issuer, message, network, recipient, stream } = parseBoxMessage(bytes, kind);
    const hash = toHex(message.hash);
    const where = `message ${hash}`;
    const author = gate.author(message);
    const refuse = (expected: string): never => {
        throw error("MS_NOT_ALLOWED", { where, expected });
    };
    if (!bytesEqual(network, state.networkId)) {
        const [expected, got] = [toHex(state.networkId), toHex(network)];
        throw error("MS_NETWORK", { where, expected, got });
    }
    if (!bytesEqual(author.id, issuer)) refuse("the household that it names as its signer");
    if (state.owners.get(toHex(stream)) !== toHex(issuer)) {
        throw error("MS_GRANT_STREAM", { where, got: `stream ${toHex(stream)}` });
    }
    const to = state.parties.get(toHex(recipient));
    if (to === undefined) throw error("MS_NOT_FOUND", { where: `party ${toHex(recipient)}` });
    if (bytesEqual(to.id, issuer)) refuse("a recipient beside the household");
    if (said.notice(issuer, kind, message.hash) === undefined) {
        throw error("MS_GRANT_NOTICE", { where, todo: "Post its notice first." });
    }
    requireInForce(tools, issuer, message.hash);
    const receivedUnix = Math.floor(clock.nowMs() / 1000);
    const added = await box.put({
        ...{ hash: message.hash, kind, issuer, recipient, receivedUnix, bytes },
    });
    return { hash, added };
}

async function list(
    tools: BoxTools,
    kind: number,
    header: string | undefined,
    query: Query,
): Promise<unknown> {
    const caller = tools.gate.caller(header);
    const { after, limit } = pageOf(query);
    const items = await tools.box.list(caller.id, kind, Math.max(0, after), limit);
    return items.map((item) => describe(tools, caller, item));
}

/** What issuer and recipient may know of a message; who else asked is the issuer's business. */
function describe({ said }: BoxTools, caller: Party, item: BoxItem): unknown {
    const { hash, issuer, kind, reads, receivedUnix, recipient, refusals, row, size } = item;
    const notice = said.notice(issuer, kind, hash);
    const isIssuer = bytesEqual(caller.id, issuer);
    return {
        hash: toHex(hash),
        issuer: toHex(issuer),
        recipient: toHex(recipient),
        ...{ size, row, receivedUnix },
        noticeUnix: notice?.timeUnix ?? null,
        leafIndex: notice?.leafIndex ?? null,
        revokedUnix: said.revokedUnix(issuer, hash),
        reads,
        lastReadUnix: item.lastReadUnix,
        refusals: isIssuer ? refusals : null,
    };
}

/** Bytes of a message for its issuer or its recipient; what the recipient takes is noted first. */
async function take(
    tools: BoxTools,
    kind: number,
    header: string | undefined,
    { params, query }: { readonly params: { readonly hash: string }; readonly query: Query },
): Promise<Uint8Array> {
    const { box, clock } = tools;
    const caller = tools.gate.caller(header);
    const hash = namedBytes(params.hash, "message", 32);
    const message = await box.message(hash);
    const where = `message ${params.hash}`;
    if (message?.kind !== kind) throw error("MS_NOT_FOUND", { where });
    if (bytesEqual(message.issuer, caller.id)) return message.bytes;
    const fits = bytesEqual(message.recipient, caller.id);
    const inForce = tools.said.revokedUnix(message.issuer, hash) === null;
    const granted = fits && inForce;
    const timeUnix = Math.floor(clock.nowMs() / 1000);
    await box.noteAccess(hash, {
        ...{ caller: caller.id, timeUnix, granted, purpose: purposeOf(query) },
    });
    tools.onAccess(granted);
    if (!fits) throw error("MS_NOT_ALLOWED", { where, expected: "its household or recipient" });
    requireInForce(tools, message.issuer, hash);
    return message.bytes;
}

function requireInForce({ said }: BoxTools, issuer: Uint8Array, hash: Uint8Array): void {
    const unix = said.revokedUnix(issuer, hash);
    if (unix === null) return;
    const time = new Date(unix * 1000).toISOString();
    throw error("MS_GRANT_REVOKED", { where: `message ${toHex(hash)}`, got: `revoked at ${time}` });
}

/** What the caller says of its purpose: one line of printable ASCII. */
function purposeOf({ purpose = "" }: Query): string {
    const max = LIMITS.purposeCharacters;
    if (typeof purpose === "string" && purpose.length <= max && /^[ -~]*$/.test(purpose)) {
        return purpose;
    }
    throw error("MS_USAGE", { where: "purpose", expected: `at most ${max} plain characters` });
}
