import type { Unit } from "../value.ts";

/** What a number of a message is: OBIS groups C.D.E, power of ten, and unit. */
export type Quantity = readonly [code: string, scaler: number, unit: Unit];

/** Properties that Zigbee2MQTT exposes for meters and plugs; energy in kWh. */
export const ZIGBEE2MQTT: Readonly<Record<string, Quantity>> = {
    energy: ["1.8.0", 3, "Wh"],
    consumed_energy: ["1.8.0", 3, "Wh"],
    energy_tier_1: ["1.8.1", 3, "Wh"],
    energy_tier_2: ["1.8.2", 3, "Wh"],
    produced_energy: ["2.8.0", 3, "Wh"],
    power: ["16.7.0", 0, "W"],
    power_phase_b: ["56.7.0", 0, "W"],
    power_phase_c: ["76.7.0", 0, "W"],
    power_reactive: ["3.7.0", 0, "var"],
    power_apparent: ["9.7.0", 0, "VA"],
    voltage: ["12.7.0", 0, "V"],
    voltage_phase_b: ["52.7.0", 0, "V"],
    voltage_phase_c: ["72.7.0", 0, "V"],
    current: ["11.7.0", 0, "A"],
    current_phase_b: ["51.7.0", 0, "A"],
    current_phase_c: ["71.7.0", 0, "A"],
    power_factor: ["13.7.0", 0, ""],
    ac_frequency: ["14.7.0", 0, "Hz"],
};

/** Keys of Tasmota's ENERGY object; a list has a value for each phase. */
export const TASMOTA: Readonly<Record<string, Quantity>> = {
    Total: ["1.8.0", 3, "Wh"],
    ExportActive: ["2.8.0", 3, "Wh"],
    Power: ["16.7.0", 0, "W"],
    ApparentPower: ["9.7.0", 0, "VA"],
    ReactivePower: ["3.7.0", 0, "var"],
    Factor: ["13.7.0", 0, ""],
    Voltage: ["12.7.0", 0, "V"],
    Current: ["11.7.0", 0, "A"],
    Frequency: ["14.7.0", 0, "Hz"],
};

/** Group C of a quantity of one phase, by that of all phases (IEC 62056-6-1 table 7). */
export const PHASES: ReadonlyMap<string, readonly [l1: string, l2: string, l3: string]> = new Map([
    ["1.8.0", ["21.8.0", "41.8.0", "61.8.0"]],
    ["2.8.0", ["22.8.0", "42.8.0", "62.8.0"]],
    ["16.7.0", ["36.7.0", "56.7.0", "76.7.0"]],
    ["3.7.0", ["23.7.0", "43.7.0", "63.7.0"]],
    ["9.7.0", ["29.7.0", "49.7.0", "69.7.0"]],
    ["13.7.0", ["33.7.0", "53.7.0", "73.7.0"]],
    ["12.7.0", ["32.7.0", "52.7.0", "72.7.0"]],
    ["11.7.0", ["31.7.0", "51.7.0", "71.7.0"]],
    ["14.7.0", ["34.7.0", "54.7.0", "74.7.0"]],
]);

/** Keys of a Shelly component of the second and later generations; energy in Wh. */
export const SHELLY: Readonly<Record<string, Quantity>> = {
    "aenergy.total": ["1.8.0", 0, "Wh"],
    "ret_aenergy.total": ["2.8.0", 0, "Wh"],
    total_act: ["1.8.0", 0, "Wh"],
    total_act_ret: ["2.8.0", 0, "Wh"],
    total_act_energy: ["1.8.0", 0, "Wh"],
    total_act_ret_energy: ["2.8.0", 0, "Wh"],
    apower: ["16.7.0", 0, "W"],
    act_power: ["16.7.0", 0, "W"],
    total_act_power: ["16.7.0", 0, "W"],
    aprt_power: ["9.7.0", 0, "VA"],
    total_aprt_power: ["9.7.0", 0, "VA"],
    voltage: ["12.7.0", 0, "V"],
    current: ["11.7.0", 0, "A"],
    total_current: ["11.7.0", 0, "A"],
    pf: ["13.7.0", 0, ""],
    freq: ["14.7.0", 0, "Hz"],
};

/** Keys of an element of `emeters` of a Shelly of the first generation; energy in Wh. */
export const SHELLY_EMETER: Readonly<Record<string, Quantity>> = {
    total: ["1.8.0", 0, "Wh"],
    total_returned: ["2.8.0", 0, "Wh"],
    power: ["16.7.0", 0, "W"],
    reactive: ["3.7.0", 0, "var"],
    voltage: ["12.7.0", 0, "V"],
    current: ["11.7.0", 0, "A"],
    pf: ["13.7.0", 0, ""],
};

/** Beginnings of a Shelly's keys for one phase, such as `a_voltage`. */
export const SHELLY_PHASES = ["a_", "b_", "c_"] as const;
