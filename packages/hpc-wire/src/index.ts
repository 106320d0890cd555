export { countsOf } from "./counts";
export { isDevice, kindOfMode, modeType } from "./kind";
export * from "./layout";
