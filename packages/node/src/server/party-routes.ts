import { bytesEqual, error, LIMITS, toBase64, toHex, unwrap } from "@meterseal/core";
import { encodeCoseKey, kidOf, type Party } from "@meterseal/record";
import type { FastifyInstance } from "fastify";
import {
    formatPartyAnswer,
    type PartyAnswer,
    type PartyRequest,
    parsePartyRequest,
    roleName,
    roleOf,
} from "../party/exchange.ts";
import { namedBytes, numberOf, pageOf, type Query } from "./list-query.ts";
import { messageBody } from "./message-body.ts";
import { requireOperator } from "./operator.ts";
import type { Said } from "./said.ts";
import { entryOf, placeOf, putStatement, type StatementTools } from "./statements.ts";

/** Route that admits parties, for who holds the operator's token. */
export const PARTIES_ROUTE = "/api/v1/parties";

/** What the routes of parties work with. */
export type PartyTools = StatementTools & {
    readonly said: Said;
    readonly operatorToken: string;
    readonly admitParty: (request: PartyRequest) => Promise<PartyAnswer>;
};

/** Adds the routes of parties and of what they put on the ledger. */
export function addPartyRoutes(app: FastifyInstance, tools: PartyTools): void {
    const { engine, facts, said } = tools;

    app.post<{ Body: unknown }>(PARTIES_ROUTE, async (request, reply) => {
        requireOperator(request.headers.authorization, tools.operatorToken);
        const answer = await tools.admitParty(
            unwrap(parsePartyRequest(JSON.stringify(request.body))),
        );
        return reply.code(201).type("application/json").send(formatPartyAnswer(answer));
    });

    app.get<{ Querystring: Query }>(PARTIES_ROUTE, ({ query }) => {
        const role = query.role === undefined ? null : (roleOf(String(query.role)) ?? 0);
        if (role === 0) throw error("MS_USAGE", { where: "role", expected: "the name of a role" });
        const { after, limit } = pageOf(query);
        const place = (party: Party): number => facts.leaves.get(toHex(party.message.hash)) ?? -1;
        const parties = [...engine.state.parties.values()]
            .filter((party) => (role === null || party.role === role) && place(party) > after)
            .sort((a, b) => place(a) - place(b))
            .slice(0, limit);
        return { parties: parties.map((party) => describe(party, place(party))) };
    });

    app.get<{ Params: { id: string }; Querystring: Query }>("/api/v1/parties/:id", (request) => {
        const { params, query } = request;
        const id = namedBytes(params.id, "party", 16);
        const party =
            query.kid === undefined
                ? engine.state.parties.get(toHex(id))
                : partyOfKey(engine.state.partyKeys, id, namedBytes(query.kid, "kid", 8));
        const leafIndex = facts.leaves.get(party === undefined ? "" : toHex(party.message.hash));
        if (party === undefined || leafIndex === undefined) {
            throw error("MS_NOT_FOUND", { where: `party ${params.id}` });
        }
        return { ...describe(party, leafIndex), message: toBase64(party.message.bytes) };
    });

    app.post<{ Body: unknown }>(
        "/api/v1/notices",
        { bodyLimit: LIMITS.recordBytes },
        async (request, reply) => {
            const bytes = messageBody(request.body);
            return reply.code(201).send(await putStatement(tools, bytes));
        },
    );

    app.get<{ Querystring: Query }>("/api/v1/notices", ({ query }) => {
        const party =
            query.party === undefined ? null : toHex(namedBytes(query.party, "party", 16));
        const kind = numberOf(query, "kind", { byDefault: 0, min: 1, max: 5 });
        const { after, limit } = pageOf(query);
        const wanted = (party === null ? said.notices : said.noticesOf(party)).filter(
            (notice) => notice.leafIndex > after && (kind === 0 || notice.kind === kind),
        );
        return { notices: wanted.slice(0, limit) };
    });

    app.get<{ Params: { hash: string } }>("/api/v1/notices/:hash", async ({ params }, reply) => {
        const hash = namedBytes(params.hash, "notice", 32);
        const { item } = unwrap(await entryOf(tools, hash));
        return reply.type('application/cose; cose-type="cose-sign1"').send(Buffer.from(item));
    });

    app.get<{ Params: { hash: string } }>(
        "/api/v1/notices/:hash/proof",
        async ({ params }, reply) => {
            const { proof } = await placeOf(tools, namedBytes(params.hash, "notice", 32));
            return reply.type("text/plain; charset=utf-8").send(proof);
        },
    );

    app.get<{ Querystring: Query }>("/api/v1/tariffs", ({ query }) => {
        const { after, limit } = pageOf(query);
        const tariffs = said.tariffs.filter(({ leafIndex }) => leafIndex > after);
        return { tariffs: tariffs.slice(0, limit) };
    });
}

/** What gave a party a key, also one that it has replaced since. */
function partyOfKey(
    keys: ReadonlyMap<string, Party>,
    id: Uint8Array,
    kid: Uint8Array,
): Party | undefined {
    const party = keys.get(toHex(kid));
    return party !== undefined && bytesEqual(party.id, id) ? party : undefined;
}

/** What anybody may know of a party. */
function describe(party: Party, leafIndex: number): object {
    return {
        party: toHex(party.id),
        role: roleName(party.role),
        name: party.name,
        keyEpoch: party.keyEpoch,
        kid: toHex(kidOf(party.key)),
        key: toBase64(encodeCoseKey(party.key)),
        recipients: party.recipients.map(({ suite, bytes }) => ({ suite, key: toBase64(bytes) })),
        streams: party.streams.map(toHex),
        timeUnix: party.timeUnix,
        hash: toHex(party.message.hash),
        leafIndex,
    };
}
