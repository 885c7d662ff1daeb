// `expect` is CommonJS whose default export is the function itself.
import * as whole from "expect";
export default whole;
