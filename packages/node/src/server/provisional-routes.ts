import {
    type Clock,
    error,
    LIMITS,
    type LinkHandler,
    toHex,
    unixOfSlot,
    unwrap,
} from "@meterseal/core";
import { type Enrolment, isMeteringPoint } from "@meterseal/record";
import { decodeProvisional } from "@meterseal/record/lora";
import type { FastifyInstance } from "fastify";
import { headerToken, notAllowed } from "../authorization.ts";
import type { HttpOptions } from "./http.ts";
import { namedBytes } from "./list-query.ts";
import { type Provisional, ProvisionalBook } from "./provisional.ts";

/** What these routes work with. */
export type ProvisionalTools = {
    readonly book: ProvisionalBook;
    /** Whether a link token is that of a meter, as its links ask. */
    readonly authenticate: (subjectHex: string, token: Uint8Array) => Promise<boolean>;
};

/** Tools of a server with a collector. */
export function provisionalTools(
    collector: Pick<LinkHandler, "authenticate">,
    clock: Clock,
): ProvisionalTools {
    return {
        book: new ProvisionalBook(clock),
        authenticate: (subjectHex, token) => collector.authenticate(subjectHex, token),
    };
}

type Meter = { Params: { subject: string }; Body: unknown };

/**
 * Routes about readings that no signature covers yet: bridges bring them, with the link token of their
 * meter, and households see them beside what is signed.
 */
export function addProvisionalRoutes(
    app: FastifyInstance,
    options: Pick<HttpOptions, "engine" | "facts"> & { readonly provisional: ProvisionalTools },
): void {
    const { engine, provisional } = options;
    const meterOf = (text: string): Enrolment => {
        const enrolment = engine.state.subjects.get(toHex(namedBytes(text, "meter", 16)));
        if (enrolment !== undefined && isMeteringPoint(enrolment)) return enrolment;
        throw error("MS_NOT_FOUND", { where: `meter ${text}` });
    };

    app.addContentTypeParser("application/cbor", { parseAs: "buffer" }, (_request, body, done) =>
        done(null, body),
    );

    app.put<Meter>(
        "/api/v1/meters/:subject/provisional",
        { bodyLimit: LIMITS.recordBytes },
        async ({ body, headers, params }, reply) => {
            const subjectHex = toHex(meterOf(params.subject).id);
            const token = headerToken(headers.authorization, "the meter");
            const isMeter = await provisional.authenticate(subjectHex, token);
            if (!isMeter) throw notAllowed("a token that the meter signed");
            if (!Buffer.isBuffer(body))
                throw error("MS_USAGE", {
                    where: "body",
                    expected: "content-type: application/cbor",
                });
            const readings = unwrap(decodeProvisional(new Uint8Array(body)));
            provisional.book.put(subjectHex, readings);
            return reply.code(204).send();
        },
    );

    app.get<Meter>("/api/v1/meters/:subject/provisional", ({ params }) => {
        const enrolment = meterOf(params.subject);
        const slotSeconds = enrolment.streams[0]?.slotSeconds ?? 900;
        const { readings, receivedUnix } = provisionalOf(options, enrolment);
        return {
            receivedUnix,
            readings: readings.map(({ firstSlot, flag = 0, registers, sealEpoch }) => ({
                ...{ sealEpoch, slot: firstSlot, unix: unixOfSlot(firstSlot, slotSeconds) },
                ...{ registers: toHex(registers), flag },
            })),
        };
    });
}

/** What is provisional of a meter behind its last signed reading. */
export function provisionalOf(
    { facts, provisional }: Pick<HttpOptions, "facts"> & { readonly provisional: ProvisionalTools },
    { id, streams }: Enrolment,
): Provisional {
    const subjectHex = toHex(id);
    const signedUnix = facts.meters.get(subjectHex)?.lastSlotUnix ?? 0;
    return provisional.book.of(subjectHex, streams[0]?.slotSeconds ?? 900, signedUnix);
}
