import { error } from "@meterseal/core";
import type { FastifyInstance } from "fastify";

/** Type of a signed message on its way. */
export const COSE_TYPE = 'application/cose; cose-type="cose-sign1"';

/** Lets requests carry signed messages as bytes. */
export function addMessageBodies(app: FastifyInstance): void {
    app.addContentTypeParser("application/cose", { parseAs: "buffer" }, (_request, body, done) =>
        done(null, body),
    );
}

/** Bytes of a request whose body is a signed message; MS_USAGE for another type of body. */
export function messageBody(body: unknown): Uint8Array {
    if (Buffer.isBuffer(body)) return new Uint8Array(body);
    throw error("MS_USAGE", { where: "body", expected: "content-type: application/cose" });
}
