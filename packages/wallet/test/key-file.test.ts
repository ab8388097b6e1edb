import { describe, expect, it } from "vitest";
import { formatKeyFile, parseKeyFile } from "../src/index.ts";
import { Home } from "./home.ts";

const { key } = await Home.create({ groups: [0, 1, 15], scale: -3 });
const text = formatKeyFile(key);
const fields = JSON.parse(text) as Record<string, unknown>;
const secret = String(fields.master);

describe("a key file", () => {
    it("comes back as it was, sealed and open", () => {
        expect(parseKeyFile(text)).toEqual({ ok: true, value: key });
        const open = { ...key, master: null };
        expect(parseKeyFile(formatKeyFile(open))).toEqual({ ok: true, value: open });
    });

    const bad: [string, string][] = [
        ["nothing", ""],
        ["no JSON", text.slice(0, -4)],
        ["a bare secret", secret],
        ["null", "null"],
        ["a list", `[${text}]`],
        ["a number", "7"],
        ["another format", text.replace("key/v1", "key/v2")],
        ["too long", text + " ".repeat(8192)],
        ["secret without padding", text.replace("=", "")],
        ["secret in other letters", text.replace(secret, secret.replace(/.$/, "*"))],
        ["prototype keys", `{"__proto__": ${text}}`],
        ...Object.keys(fields).map((name): [string, string] => [
            `without ${name}`,
            JSON.stringify({ ...fields, [name]: undefined }),
        ]),
        ...(
            [
                ["network", "00"],
                ["network", 7],
                ["meter", `${fields.meter}00`],
                ["meter", "not hexadecimal, 32 characters!!"],
                ["stream", ""],
                ["sealEpoch", -1],
                ["sealEpoch", 2 ** 32],
                ["sealEpoch", 0.5],
                ["suite", 99],
                ["slotSeconds", 0],
                ["slotSeconds", 7],
                ["slotSeconds", 7200],
                ["groups", []],
                ["groups", [1, 0]],
                ["groups", [0, 0]],
                ["groups", [16]],
                ["groups", [-1]],
                ["groups", "0"],
                ["zone", 1],
                ["zone", "x".repeat(65)],
                ["scale", 7],
                ["scale", -1e9],
                ["master", secret.slice(4)],
                ["master", 1],
                ["master", ""],
                ["name", ["x"]],
            ] as [string, unknown][]
        ).map(([name, value]): [string, string] => [
            `${name} = ${JSON.stringify(value)}`,
            JSON.stringify({ ...fields, [name]: value }),
        ]),
    ];
    it.each(bad)("is refused and never quoted: %s", (_name, wrong) => {
        const parsed = parseKeyFile(wrong);
        expect(parsed).toMatchObject({ ok: false, error: { code: "MS_KEY_FILE" } });
        if (parsed.ok) return;
        const told = [parsed.error.message, String(parsed.error.cause), parsed.error.stack].join();
        expect(told).not.toContain(secret.slice(0, 12));
        expect(JSON.stringify(parsed.error)).not.toContain(secret.slice(0, 12));
    });
});
