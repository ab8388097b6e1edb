import { toHex } from "@meterseal/core";
import type { KeyFile } from "@meterseal/wallet";
import type { HomeState } from "./state.ts";

/** Topics of one metering point at a broker in the home. */
export type HomeTopics = {
    /** What Home Assistant learns the device from. */
    readonly discovery: string;
    readonly state: string;
    readonly availability: string;
};

/** What the availability topic says; Home Assistant's own words. */
export const AVAILABILITY = { online: "online", offline: "offline" } as const;

/**
 * Topics of a metering point.
 * @param prefix - where Home Assistant looks for devices; `homeassistant` where nobody changed it.
 */
export function homeTopics({ meter }: Pick<KeyFile, "meter">, prefix: string): HomeTopics {
    const name = toHex(meter);
    return {
        discovery: `${prefix}/device/meterseal_${name}/config`,
        state: `meterseal/${name}/state`,
        availability: `meterseal/${name}/availability`,
    };
}

/** One entity: the words of Home Assistant's MQTT integration. */
type Entity = {
    readonly key: keyof HomeState;
    readonly platform: "sensor" | "binary_sensor";
} & Readonly<Record<string, string>>;

const energy = {
    device_class: "energy",
    state_class: "total_increasing",
    unit_of_measurement: "kWh",
};

/** Entities of every metering point, then those of an export register. */
const ENTITIES: readonly Entity[] = [
    { key: "import", platform: "sensor", name: "Import", ...energy },
    {
        ...{ key: "power", platform: "sensor", name: "Power", device_class: "power" },
        ...{ state_class: "measurement", unit_of_measurement: "W" },
    },
    { key: "lastReading", platform: "sensor", name: "Last reading", device_class: "timestamp" },
    { key: "sealValid", platform: "binary_sensor", name: "Seal valid", icon: "mdi:seal" },
    { key: "tamper", platform: "binary_sensor", name: "Tamper", device_class: "tamper" },
];
const EXPORT: Entity = { key: "export", platform: "sensor", name: "Export", ...energy };

/**
 * Discovery message of a metering point: one device with its entities (Home Assistant, MQTT, "Device
 * discovery payload").
 */
export function discoveryPayload(
    key: Pick<KeyFile, "meter" | "name" | "stream">,
    topics: HomeTopics,
    hasExport: boolean,
    softwareVersion: string,
): object {
    const device = `meterseal_${toHex(key.meter)}`;
    const entities = hasExport ? [...ENTITIES, EXPORT] : ENTITIES;
    const components = entities.map(({ key: field, ...entity }) => [
        field,
        {
            ...entity,
            unique_id: `${device}_${field}`,
            value_template: `{{ value_json.${field} }}`,
        },
    ]);
    return {
        device: {
            identifiers: [device],
            name: key.name,
            manufacturer: "Meterseal",
            model: "Sealed meter",
            serial_number: toHex(key.meter),
        },
        origin: { name: "meterseal", sw_version: softwareVersion },
        components: Object.fromEntries(components),
        state_topic: topics.state,
        availability_topic: topics.availability,
        qos: 1,
    };
}
