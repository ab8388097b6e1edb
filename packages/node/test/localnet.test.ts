import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { requireCometBft } from "../src/localnet/find-cometbft.ts";
import { freePorts } from "../src/localnet/free-ports.ts";
import { abciAddressOf } from "../src/server/comet.ts";
import { run } from "./command.ts";
import { useScratch } from "./fixture.ts";

const scratch = useScratch();

describe("meterseal localnet", () => {
    it("says how to install cometbft where it is not", async () => {
        vi.stubEnv("PATH", scratch);
        vi.stubEnv("GOPATH", scratch);
        try {
            expect(requireCometBft).toThrow(/MS_NOT_FOUND.*cometbft.*go install/s);
            const dir = join(scratch, "network");
            const { code, stderr } = await run("localnet", "--data", dir);
            expect([code, stderr]).toEqual([2, expect.stringMatching(/^MS_NOT_FOUND.*go install/)]);
        } finally {
            vi.unstubAllEnvs();
        }
    });

    it("knows no other engine", async () => {
        const { code, stderr } = await run("localnet", "--engine", "embedded");
        expect([code, stderr]).toEqual([2, expect.stringMatching(/--engine cometbft/)]);
    });

    it("takes ports that differ", async () => {
        const ports = await freePorts(12);
        expect(new Set(ports).size).toBe(12);
        expect(ports.every((port) => port > 0)).toBe(true);
    });
});

describe("the address of the application", () => {
    it.each([
        ["26658", { host: "127.0.0.1", port: 26658 }],
        ["abci.sock", { path: "/data/server/abci.sock" }],
        ["/run/meterseal/abci.sock", { path: "/run/meterseal/abci.sock" }],
    ])("of %j is a port, a name in the directory or a path", (text, address) => {
        expect(abciAddressOf(text, "/data/server")).toEqual(address);
    });

    it("is refused where no system takes it for a socket", () => {
        expect(() => abciAddressOf("abci.sock", `/${"x".repeat(100)}`)).toThrow(
            /MS_LISTEN_ADDRESS/,
        );
    });
});
