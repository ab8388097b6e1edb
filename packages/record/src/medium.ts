/** What a stream meters (formats 4): the number in its usage records; electricity is left out there. */
export const MEDIUM = { electricity: 0, gas: 1, water: 2, heat: 3 } as const;

/** Name of a medium. */
export type MediumName = keyof typeof MEDIUM;

/** How amounts of a medium are counted and called. */
export type MediumUnit = {
    readonly name: MediumName;
    /** Unit that people know; a thousand base units. */
    readonly label: "kWh" | "m³";
    /** Base unit of whole numbers, as it ends a field's name. */
    readonly base: "Wh" | "Litres";
    /** Scale (formats 4, key 10) at which a register counts base units: of Wh, or of m³. */
    readonly baseScale: number;
};

const ENERGY = { label: "kWh", base: "Wh", baseScale: 0 } as const;
const VOLUME = { label: "m³", base: "Litres", baseScale: -3 } as const;
const UNITS: readonly MediumUnit[] = [
    { name: "electricity", ...ENERGY },
    { name: "gas", ...VOLUME },
    { name: "water", ...VOLUME },
    { name: "heat", ...ENERGY },
];

/** Number of a medium other than electricity by its name; null for any other text. */
export function mediumOfName(name: string): number | null {
    const medium = Object.hasOwn(MEDIUM, name) ? MEDIUM[name as MediumName] : MEDIUM.electricity;
    return medium === MEDIUM.electricity ? null : medium;
}

/** Unit of a medium by its number; of electricity where it is undefined. */
export function unitOfMedium(medium: number | undefined): MediumUnit {
    return UNITS[medium ?? MEDIUM.electricity] as MediumUnit;
}
