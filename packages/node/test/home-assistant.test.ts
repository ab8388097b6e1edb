import { error } from "@meterseal/core";
import { type Fault, verdictOf } from "@meterseal/ledger";
import type { HouseholdReport, OpenBoundary } from "@meterseal/wallet";
import { describe, expect, it } from "vitest";
import { discoveryPayload, homeTopics } from "../src/household/home-assistant/discovery.ts";
import { homeReading } from "../src/household/home-assistant/state.ts";

const METER = Uint8Array.from({ length: 16 }, (_, i) => i);
const TOPICS = homeTopics({ meter: METER }, "homeassistant");

function boundary(
    minute: number,
    importWh: bigint,
    exportWh: bigint | null = 0n,
    flag = 0,
): OpenBoundary {
    const unix = 1_700_000_000 + 60 * minute;
    return { ...{ unix, slot: minute, level: 0 }, importWh, exportWh, flag };
}

const fault = (): Fault => ({ error: error("MS_SIGNATURE_BAD"), where: "record 1" });

function report(
    series: OpenBoundary[],
    faulty: keyof HouseholdReport["verdicts"] | null = null,
): HouseholdReport {
    const verdict = (name: string) => verdictOf(1, name === faulty ? [fault()] : []);
    return {
        verdicts: {
            ...{ signature: verdict("signature"), continuity: verdict("continuity") },
            ...{ clock: verdict("clock"), plausibility: verdict("plausibility"), checkpoint: null },
        },
        records: series.length === 0 ? [] : [{} as HouseholdReport["records"][number]],
        ...{ series, joins: [], corrections: [] },
    } as HouseholdReport;
}

describe("what a home's dashboard shows", () => {
    it("is the registers, the mean power of the last slot, and that the seal holds", () => {
        const { faults, state } = homeReading(
            report([boundary(0, 1_000n), boundary(1, 1_034_567n, 5n)]),
            null,
        );
        expect(faults).toEqual([]);
        expect(state).toEqual({
            ...{ import: "1034.567", export: "0.005", power: (1_033_567 - 5) * 60 },
            ...{ lastReading: "2023-11-14T22:14:20.000Z", sealValid: "ON", tamper: "OFF" },
        });
    });

    it("is below zero where more went out than came in, and nothing where it was not measured", () => {
        const out = homeReading(report([boundary(0, 5n, 0n), boundary(1, 5n, 4n)]), null);
        expect(out.state.power).toBe(-240);
        const missing = homeReading(report([boundary(0, 5n), boundary(1, 5n, 0n, 1)]), null);
        expect(missing.state).toMatchObject({ import: "0.005", power: null });
    });

    it("before the first reading is nothing, and no seal", () => {
        expect(homeReading(report([]), null).state).toEqual({
            ...{ import: null, export: null, power: null, lastReading: null },
            ...{ sealValid: "OFF", tamper: "OFF" },
        });
    });

    it.each(["signature", "continuity", "plausibility"] as const)(
        "is tampered with where the %s does not hold",
        (name) => {
            const { faults, state } = homeReading(report([boundary(0, 5n)], name), null);
            expect(state).toMatchObject({ sealValid: "OFF", tamper: "ON" });
            expect(faults).toEqual([expect.stringContaining("MS_SIGNATURE_BAD")]);
        },
    );

    it("has no valid seal where a clock is wrong, which is no tampering", () => {
        const { state } = homeReading(report([boundary(0, 5n)], "clock"), null);
        expect(state).toMatchObject({ sealValid: "OFF", tamper: "OFF" });
    });

    it.each([
        ["an earlier last reading", [boundary(0, 5n)]],
        ["a lower import", [boundary(0, 5n), boundary(1, 6n, 9n)]],
        ["a lower export", [boundary(0, 5n), boundary(1, 9n, 6n)]],
        ["no reading", []],
    ])("keeps its totals where a server shows %s than before, and says so", (_, series) => {
        const before = boundary(1, 7n, 7n);
        const { faults, shown, state } = homeReading(report(series), before);
        expect(shown).toBe(before);
        expect(state).toMatchObject({
            ...{ import: "0.007", export: "0.007", power: null, sealValid: "OFF", tamper: "ON" },
        });
        expect(faults).toContain("the server shows less than before");
    });
});

/** Keys of the entities that Home Assistant documents (MQTT sensor, MQTT binary sensor). */
const KEYS = {
    sensor: ["device_class", "state_class", "unit_of_measurement"],
    binary_sensor: ["device_class", "icon"],
};
const COMMON = ["name", "platform", "unique_id", "value_template"];

describe("the discovery message", () => {
    const key = { meter: METER, name: "Home", stream: {} as never };
    const payload = JSON.parse(
        JSON.stringify(discoveryPayload(key, TOPICS, true, "1.2.3")),
    ) as Record<string, never> & { components: Record<string, Record<string, string>> };

    it("stands at the topic of a device, and has what a device must have", () => {
        expect(TOPICS.discovery).toMatch(/^homeassistant\/device\/[\w-]+\/config$/);
        const { components, ...rest } = payload;
        expect(rest).toEqual({
            device: {
                ...{ identifiers: ["meterseal_000102030405060708090a0b0c0d0e0f"], name: "Home" },
                ...{ manufacturer: "Meterseal", model: "Sealed meter" },
                serial_number: "000102030405060708090a0b0c0d0e0f",
            },
            origin: { name: "meterseal", sw_version: "1.2.3" },
            state_topic: "meterseal/000102030405060708090a0b0c0d0e0f/state",
            availability_topic: "meterseal/000102030405060708090a0b0c0d0e0f/availability",
            qos: 1,
        });
        expect(Object.keys(components).sort()).toEqual(
            ["export", "import", "lastReading", "power", "sealValid", "tamper"].sort(),
        );
    });

    it("has entities with documented keys alone, each of its own name, for each field of the state", () => {
        const entities = Object.values(payload.components);
        for (const entity of entities) {
            const { platform = "" } = entity;
            const known = [...COMMON, ...(KEYS[platform as keyof typeof KEYS] ?? [])];
            expect(known).toEqual(expect.arrayContaining(Object.keys(entity)));
        }
        expect(new Set(entities.map(({ unique_id }) => unique_id)).size).toBe(entities.length);
        const { state } = homeReading(report([boundary(0, 1n)]), null);
        expect(Object.keys(payload.components).sort()).toEqual(Object.keys(state).sort());
        for (const [field, { value_template }] of Object.entries(payload.components))
            expect(value_template).toBe(`{{ value_json.${field} }}`);
    });

    it("calls totals what the energy dashboard takes", () => {
        const total = {
            device_class: "energy",
            state_class: "total_increasing",
            unit_of_measurement: "kWh",
        };
        expect(payload.components.import).toMatchObject(total);
        expect(payload.components.export).toMatchObject(total);
        const without = discoveryPayload(key, TOPICS, false, "1") as typeof payload;
        expect(without.components).not.toHaveProperty("export");
    });
});
