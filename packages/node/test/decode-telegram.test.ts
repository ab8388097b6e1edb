import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { run } from "./command.ts";

const captures = fileURLToPath(new URL("../../../vectors/telegram/", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "meterseal telegrams "));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Writes a file for a test. */
function file(name: string, content: string | Uint8Array, mode = 0o600): string {
    const path = join(scratch, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
}

describe("decode of a meter's telegram", () => {
    it("prints values with code, unit, time and the verdict of the check", async () => {
        const { code, stderr, stdout } = await run(
            "decode",
            join(captures, "p1/dsmr-5.0-isk-1.txt"),
        );
        expect([code, stderr]).toEqual([0, ""]);
        const lines = stdout.split("\n");
        expect(lines[0]).toBe("p1  ISK5\\2M550T-1011  2018-11-06T13:04:29Z  check: ok");
        expect(lines).toContain("  1-0:1.8.1    3808351 Wh");
        expect(lines).toContain("  0-0:96.7.19  2451 s  2018-05-29T11:56:30Z");
    });

    it("reads lines of the current sensor, whichever of them can be read", async () => {
        const lines = [
            "4995,0,230,511*10FE", // the end of a line
            "MSC1,8,01,31681,0,230,511*A473",
            "MSC1,8,10,0,0,230,511*9E03",
            "MSC1,1,00,4995,0,230,511*83B8",
        ];
        const { code, stderr, stdout } = await run("decode", file("sensor", lines.join("\r\n")));
        expect(code).toBe(0);
        expect(stderr).toMatch(/^1 of 3 telegrams could not be read; first: meter-error/m);
        expect(stdout).toContain("acs712  check: ok\n  1-0:1.8.0    0.000 Wh\n");
        expect(stdout).toContain('  0-0:97.97.0  "clipped"\n');
        expect(stdout).toContain("acs712  check: mismatch\n");
    });

    it("exits 0 with a verdict where the check does not match", async () => {
        const { code, stdout } = await run("decode", join(captures, "p1/dsmr-5.0-ene-1.txt"));
        expect(code).toBe(0);
        expect(stdout).toMatch(/^p1 {2}.* {2}check: mismatch\n/);
    });

    it("reads a stream from the middle, SML in digits, and a readout", async () => {
        const stream = gunzipSync(readFileSync(join(captures, "p1-stream.txt.gz")));
        const all = await run("decode", file("stream", stream));
        expect(all.stdout.match(/check: ok/g)).toHaveLength(300);
        const sml = join(captures, "sml/testSerialResponseSmlCont-a7d745b0.hex");
        const parsed = (await run("decode", sml, "--json")).stdout.trim().split("\n");
        expect(parsed.map((line) => JSON.parse(line).check)).toEqual(["ok", "mismatch"]);
        expect(JSON.parse(parsed[0] ?? "").values[0]).toEqual({
            obis: "1-0:1.8.0",
            digits: "153385557",
            scaler: -1,
            unit: "Wh",
            atUnix: null,
        });
        const readout = join(
            captures,
            "iec62056-21/testSerialRequestResponseD0WithAck-e89fd77a.txt",
        );
        expect((await run("decode", readout)).stdout).toMatch(/^iec62056-21 {2}check: absent\n/);
    });

    it("shows an M-Bus frame by OBIS code, and each of its records", async () => {
        const { stdout } = await run("decode", join(captures, "mbus/els_falcon.hex"));
        expect(stdout).toMatch(/^mbus {2}ELS 70112345 {2}check: ok\n/);
        expect(stdout).toMatch(/\n {2}8-0:1\.0\.0\*1 +456\.951 m3\n/);
        expect(stdout).toMatch(/\n {2}volume flow, maximum +5\.945 m3\/h\n/);
        expect(stdout).toMatch(/\n {2}date, storage 1 +2007-01-01\n/);
    });

    it("opens an encrypted telegram with its keys, and only with them", async () => {
        const frame = join(captures, "p1-encrypted/dsmr-luxembourgh-spec-example-with-aad.txt");
        const keys = "0123456789abcdef0123456789abcdef\nffeeddccbbaa99887766554433221100\n";
        const opened = await run("decode", frame, "--keys", file("keys", keys));
        expect([opened.code, opened.stderr]).toEqual([0, ""]);
        expect(opened.stdout).toContain("1-0:1.8.0");
        const without = await run("decode", frame);
        expect(without).toMatchObject({ code: 2, stdout: "" });
        expect(without.stderr).toContain("--keys FILE");
        const other = await run("decode", frame, "--keys", file("other", keys.replace("01", "02")));
        expect(other).toMatchObject({ code: 2, stdout: "" });
        expect(other.stderr).toMatch(/^MS_MALFORMED: .*tag/);
    });

    it("opens a wireless M-Bus frame with the meter's key", async () => {
        const frame =
            "2E44931578563412330 37A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3";
        const keys = file("meter", "0102030405060708090A0B0C0D0E0F11\n");
        const opened = await run("decode", frame, "--keys", keys);
        expect([opened.code, opened.stderr]).toEqual([0, ""]);
        expect(opened.stdout).toMatch(
            /^wmbus {2}ELS 12345678 {2}check: absent {2}UNAUTHENTICATED\n/,
        );
        expect(opened.stdout).toMatch(/\n {2}7-0:3\.0\.0 +28504\.27 m3\n/);
        expect((await run("decode", frame)).stderr).toContain("--keys FILE");
        const json = await run("decode", frame, "--keys", keys, "--json");
        expect(JSON.parse(json.stdout)).toMatchObject({ isAuthenticated: false });
    });

    it("marks a wireless telegram as authenticated where a MAC covers it, and no other", async () => {
        const frame =
            "434493157856341233038C2075900F002C25B30A000021924D4F2FB66E017A75002007109058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93";
        const keys = file("mode 7", "000102030405060708090A0B0C0D0E0F\n");
        const opened = await run("decode", frame, "--keys", keys);
        expect(opened.stdout).toMatch(/^wmbus {2}ELS 12345678 {2}check: absent\n/);
        const json = await run("decode", frame, "--keys", keys, "--json");
        expect(JSON.parse(json.stdout)).toMatchObject({ isAuthenticated: true });
        // The same message with data in the open in the place of those that the MAC covers.
        const head = frame.slice(0, frame.indexOf("9058475F"));
        const plain = `${head}2F2F0C1427048502`.padEnd(frame.length, "2F");
        const forged = await run("decode", plain);
        expect(forged.stdout).toMatch(/check: absent {2}UNAUTHENTICATED\n/);
        const refused = await run("decode", plain, "--keys", keys);
        expect(refused).toMatchObject({ code: 2, stdout: "" });
        expect(refused.stderr).toMatch(/^MS_MALFORMED: .*unprotected/);
        const wired = await run("decode", join(captures, "mbus/EDC.hex"));
        expect(wired.stdout).not.toContain("UNAUTHENTICATED");
    });

    it.each([
        ["is missing", () => join(scratch, "nowhere"), /ENOENT/],
        ["has other content", () => file("short", "0123\n"), /32 hexadecimal digits/],
        ["others may read", () => file("open", "", 0o644), /chmod 600/],
    ])("refuses a key file that %s, without quoting it", async (_, path, said) => {
        const frame = join(captures, "p1-encrypted/dsmr-luxembourgh-spec-example-with-aad.txt");
        const { code, stderr, stdout } = await run("decode", frame, "--keys", path());
        expect([code, stdout]).toEqual([2, ""]);
        expect(stderr).toMatch(/^MS_KEY_FILE: /);
        expect(stderr).toMatch(said);
    });

    it("names what is wrong where nothing could be read", async () => {
        const { code, stderr } = await run(
            "decode",
            join(captures, "sml/testSerialResponseSmlError-a6dc6cfe.hex"),
        );
        expect(code).toBe(2);
        expect(stderr).toMatch(/^MS_MALFORMED: .*truncated/);
    });

    it("reads messages of devices in the home, and frames whose kind it is told", async () => {
        const message = file("tasmota.json", '{"ENERGY":{"Total":1.5,"Power":20}}');
        const plug = await run("decode", message);
        expect([plug.code, plug.stderr]).toEqual([0, ""]);
        expect(plug.stdout).toBe(
            "tasmota  check: absent\n  1-0:1.8.0   1500 Wh\n  1-0:16.7.0  20 W\n",
        );
        const lora = await run("decode", "068309660000", "--as", "milesight");
        expect(lora.stdout).toContain("  1-0:1.8.0  26121 Wh\n");
        const zigbee = await run(
            "decode",
            "180a0a0000250966000000000803420241FF",
            "--as",
            "zigbee",
        );
        expect(zigbee.stdout).toContain("  attribute 0000  26121\n");
        const none = await run("decode", "068309660000", "--as", "carrier-pigeon");
        expect(none).toMatchObject({ code: 2, stdout: "" });
        expect(none.stderr).toMatch(/^MS_USAGE: .*milesight\|zigbee/);
        expect((await run("decode", "0683", "--as", "milesight")).stderr).toContain("truncated");
    });
});
