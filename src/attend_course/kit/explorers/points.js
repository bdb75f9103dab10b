// Points in a plane from -4 to 4 both ways, with lines and names.
import { html } from "./vendor/preact.js";

export const REACH = 4;
const [UNIT, MIDDLE] = [32, 150];

export const across = (x) => (MIDDLE + UNIT * x).toFixed(1);
export const up = (y) => (MIDDLE - UNIT * y).toFixed(1);

export const Line = ({ from, to, ...rest }) => html`
  <line x1=${across(from[0])} y1=${up(from[1])} x2=${across(to[0])} y2=${up(to[1])} ...${rest} />`;

export const Axes = () => html`
  <${Line} from=${[-REACH, 0]} to=${[REACH, 0]} class="attend-gridline" />
  <${Line} from=${[0, -REACH]} to=${[0, REACH]} class="attend-gridline" />`;

export const Dot = ({ at: [x, y], size, kind }) => html`
  <circle r=${size} class=${`attend-dot ${kind}`} cx=${across(x)} cy=${up(y)} />`;

export const Name = ({ at: [x, y], children }) => html`
  <text class="attend-name is-middle" x=${across(x)} y=${Number(up(y)) + (y >= 0 ? -10 : 19)}>${children}</text>`;
