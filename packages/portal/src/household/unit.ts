import { type MediumUnit, unitOfMedium } from "@meterseal/record";
import { createContext, useContext } from "react";

/** Unit of the amounts that are shown: of electricity where nobody says otherwise. */
export const UnitContext = createContext<MediumUnit>(unitOfMedium(undefined));

/** Unit of the amounts that are shown. */
export function useUnit(): MediumUnit {
    return useContext(UnitContext);
}

/** Name of what is used, as it begins a heading. */
export function usedName({ name }: MediumUnit): string {
    return `${name.charAt(0).toUpperCase()}${name.slice(1)} used`;
}
