export { type Bar, barChart } from "./bar-chart";
export { table } from "./table";
export { textBars } from "./text-bars";
