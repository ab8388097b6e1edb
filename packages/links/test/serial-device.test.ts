import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { openSerialDevice } from "../src/serial/device.ts";

it("a device that is never set is given up, so that the other lines go on", () => {
    const programs = mkdtempSync(join(tmpdir(), "meterseal-stty-"));
    writeFileSync(join(programs, "stty"), "#!/bin/sh\nexec sleep 30\n", { mode: 0o755 });
    vi.stubEnv("PATH", `${programs}:${process.env.PATH}`);
    const open = () => openSerialDevice({ path: "/dev/null", baud: 9_600, mtu: 51 });
    expect(open).toThrow(/MS_USAGE.*a serial device of 9600 baud.*ETIMEDOUT/s);
    vi.unstubAllEnvs();
    rmSync(programs, { recursive: true });
}, 10_000);
