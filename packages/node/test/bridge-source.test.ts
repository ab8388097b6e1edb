import { syncBuiltinESMExports } from "node:module";
import net, { createServer, type NetConnectOpts } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { openSource } from "../src/bridge/source.ts";
import { quiet } from "./fixture.ts";

const end = new AbortController();
afterEach(() => {
    end.abort();
    vi.restoreAllMocks();
    syncBuiltinESMExports();
});

/** Sockets whose limits of silence pass ten thousand times as fast. */
function watchSockets() {
    const { createConnection } = net;
    const spy = vi.spyOn(net, "createConnection").mockImplementation(((options: NetConnectOpts) => {
        const socket = createConnection(options);
        const setTimeout = socket.setTimeout.bind(socket);
        socket.setTimeout = (ms, onTimeout) => setTimeout(ms / 10_000, onTimeout);
        return socket;
    }) as typeof createConnection);
    syncBuiltinESMExports();
    return spy;
}

it("a line whose far end is gone, or says nothing any more, is opened again", async () => {
    const sockets = watchSockets();
    let lines = 0;
    const server = createServer((socket) => {
        socket.on("error", () => socket.destroy());
        lines++;
        if (lines > 1) socket.write("again");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as { port: number };
    const source = openSource(`tcp://127.0.0.1:${port}`, null, quiet);
    const heard = await new Promise<Uint8Array>((resolve) => {
        void source.read((chunk) => Promise.resolve(resolve(chunk)), end.signal);
    });
    expect(Buffer.from(heard).toString()).toBe("again");
    // The system asks a silent far end whether it is there, long before it counts as mute.
    const keepAlive = { keepAlive: true, keepAliveInitialDelay: 30_000 };
    expect(sockets.mock.calls).toMatchObject([[keepAlive], [keepAlive]]);
    server.close();
});

it("a line is opened at an IPv6 address, too", async () => {
    const server = createServer((socket) => socket.end("six"));
    await new Promise<void>((done) => server.listen(0, "::1", done));
    const { port } = server.address() as { port: number };
    const source = openSource(`tcp://[::1]:${port}`, null, quiet);
    const stop = new AbortController();
    const heard = await new Promise<Uint8Array>((resolve) => {
        void source.read((chunk) => Promise.resolve(resolve(chunk)), stop.signal);
    });
    stop.abort();
    expect(Buffer.from(heard).toString()).toBe("six");
    server.close();
});
