export { type Bar, barChart } from "./bar-chart";
