import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const main = fileURLToPath(new URL("../examples/raspberry-node/main.ts", import.meta.url));
const TEST_MS = 300_000;

it("the example of a Raspberry Pi comes out as it says", { timeout: TEST_MS }, () => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [main], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).not.toContain("DOES NOT HOLD");
    expect(stdout).toMatch(/Devices table: 1 row, [0-9a-f]{32}/);
    expect(stdout).toMatch(/pi: \d+ lines of the sensor, \d+ refused \(crc: mismatch\)/);
    expect(stdout).toMatch(/EDHOC messages 1 to 4: \d+, \d+, \d+ and \d+ bytes/);
    expect(stdout).toMatch(/none tells a record, a signature or the network/);
    const rows = [...stdout.matchAll(/^ +(\d+) {2}(\w{8}) {2}(\w{8}) {2}usage +(ES256|PS256) /gm)];
    for (const algorithm of ["ES256", "PS256"]) {
        const table = rows.filter((row) => row[4] === algorithm);
        expect(table.length).toBeGreaterThanOrEqual(3);
        for (const [i, row] of table.entries()) if (i > 0) expect(row[2]).toBe(table[i - 1]?.[3]);
    }
    expect(stdout).toMatch(/MS_USAGE: .*one of RSA \(PS256\)/);
    expect(stdout).toMatch(/reason=MS_KEY_UNKNOWN/);
    expect(stdout).toMatch(/reason=MS_SIGNATURE_BAD/);
    expect(stdout).toContain("The node itself: a session.");
    expect(stdout).toContain("receipt code 4.");
    expect(stdout).toMatch(/verify of the whole table: [1-9]\d* records hold/);
    expect(stdout).toMatch(/The same bit changed in the table: MS_\w+ at /);
    expect(status).toBe(0);
});
