import { error, fromHex, toHex } from "@meterseal/core";
import { chainKey, encodeEvidence, formatVerifierKey } from "@meterseal/ledger";
import { type Enrolment, isMeteringPoint, ROLE } from "@meterseal/record";
import type { FastifyInstance } from "fastify";
import { EvidenceBuilder } from "./evidence.ts";
import type { HttpOptions } from "./http.ts";
import { nameOfMode } from "./identity.ts";
import { provisionalOf } from "./provisional-routes.ts";

const SUBJECT = /^[0-9a-f]{32}$/;

/**
 * Routes about network and meters, all of them reads. What they serve is what any auditor may have: sealed
 * records, proofs and checkpoints; in an open network, its plain registers too.
 */
export function addRoutes(app: FastifyInstance, options: HttpOptions): void {
    const { engine, facts, genesis, reader } = options;
    const evidence = new EvidenceBuilder(reader, engine, facts, genesis);

    app.get("/api/v1/network", async () => {
        const { size, root } = engine.head();
        return {
            networkId: toHex(engine.state.networkId),
            genesis: toHex(genesis),
            origin: engine.origin,
            logKey: formatVerifierKey({
                name: engine.origin,
                publicKey: engine.state.genesis.logKey,
            }),
            mode: nameOfMode(engine.state.genesis.mode),
            clock: describeClock(options),
            ledger: { size, root: toHex(root), ...facts.totals },
            checkpoint: (await reader.checkpointUpTo(size))?.note ?? null,
        };
    });

    app.get("/api/v1/meters", () => {
        const meters = [...engine.state.subjects.values()]
            .filter(isMeteringPoint)
            .map((enrolment) => describeMeter(options, enrolment));
        return { meters };
    });

    app.get<{ Params: { subject: string } }>(
        "/api/v1/meters/:subject/evidence",
        async (request, reply) => {
            const subject = parseSubject(request.params.subject);
            const bundle = await evidence.evidenceOf(subject);
            return reply.type("application/cbor").send(Buffer.from(encodeEvidence(bundle)));
        },
    );

    app.get<{ Params: { subject: string } }>(
        "/api/v1/meters/:subject/last-record",
        async (request, reply) => {
            const subject = parseSubject(request.params.subject);
            const last = facts.meters.get(toHex(subject));
            if (last === undefined)
                throw error("MS_NOT_FOUND", { where: "a record of this meter" });
            const rows = await reader.recordsAt(subject, last.chainEpoch, last.lastSeq);
            const bytes = rows[0]?.bytes ?? new Uint8Array();
            return reply.type('application/cose; cose-type="cose-sign1"').send(Buffer.from(bytes));
        },
    );
}

/** Where the clock stands, and for a replay how it goes on and whether it is at the end of the data. */
function describeClock({ clock, clockLabel, replay }: HttpOptions): unknown {
    const nowMs = clock.nowMs();
    const going = replay === null ? null : { ...replay, ended: nowMs >= replay.endMs };
    return { nowMs, label: clockLabel, replay: going };
}

/** What the server can know of a meter; consumption is not among it in a sealed network. */
function describeMeter(options: HttpOptions, enrolment: Enrolment): unknown {
    const { engine, facts, streets } = options;
    const subject = toHex(enrolment.id);
    const seen = facts.meters.get(subject);
    const chain = engine.state.chains.get(chainKey(enrolment.id, seen?.chainEpoch ?? 0));
    return {
        subject,
        provenance: enrolment.role === ROLE.gateway ? "observed" : "meter",
        street: streets.get(subject) ?? null,
        zone: enrolment.streams[0]?.zone ?? null,
        slotSeconds: enrolment.streams[0]?.slotSeconds ?? null,
        records: seen?.records ?? 0,
        readings: seen?.readings ?? 0,
        missingIntervals: seen?.missingIntervals ?? 0,
        holes: seen?.holes ?? 0,
        lastRecordUnix: seen?.lastRecordUnix ?? null,
        lastSlotUnix: seen?.lastSlotUnix ?? null,
        pendingRecords: chain?.pending.size ?? 0,
        provisionalReadings: provisionalOf(options, enrolment).readings.length,
        frozen: chain !== undefined && chain.frozenAt !== null,
    };
}

function parseSubject(text: string): Uint8Array {
    if (SUBJECT.test(text)) return fromHex(text);
    throw error("MS_USAGE", { where: "meter", expected: "32 hexadecimal digits" });
}
