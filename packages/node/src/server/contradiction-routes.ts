import type { FastifyInstance } from "fastify";
import type { ContradictionFiles } from "../contradictions/files.ts";

/**
 * Routes about what the server found that signers contradict themselves in. Every one of them is a proof
 * that needs no trust in who hands it over.
 */
export function addContradictionRoutes(app: FastifyInstance, files: ContradictionFiles): void {
    app.get("/api/v1/contradictions", () => ({
        contradictions: files
            .list()
            .flatMap(({ file, proven }) => (proven === null ? [] : [{ file, ...proven }])),
    }));

    app.get<{ Params: { file: string } }>("/api/v1/contradictions/:file", (request, reply) => {
        const { bytes } = files.read(request.params.file);
        return reply.type("application/cbor").send(Buffer.from(bytes));
    });
}
