import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A server that passes on what an honest one says, changed. */
export type Liar = { readonly url: string; readonly close: () => void };

/**
 * Starts a liar on a free port.
 * @param honestUrl - of the server that it stands in front of.
 * @param lie - what it makes of an answer; the answer itself where it does not lie.
 * @param hides - what it does not pass on, as if the honest one were away.
 */
export async function startLiar(
    honestUrl: string,
    lie: (path: string, honest: Response) => Promise<Response>,
    hides: (method: string, path: string) => boolean = () => false,
): Promise<Liar> {
    const server = createServer((request, response) => {
        const { method = "GET", url: path = "/" } = request;
        const names = ["authorization", "content-type"] as const;
        const headers = names.flatMap((name) => {
            const value = request.headers[name];
            return value === undefined ? [] : [[name, value] as [string, string]];
        });
        if (hides(method, path)) return void response.writeHead(503).end();
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", async () => {
            const body = method === "GET" ? null : new Uint8Array(Buffer.concat(chunks));
            const honest = await fetch(new URL(path, honestUrl), { method, headers, body });
            const given = await lie(path, honest);
            const type = given.headers.get("content-type") ?? "";
            response.writeHead(given.status, { "content-type": type });
            response.end(await given.bytes());
        });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
