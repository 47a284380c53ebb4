import { readFileSync } from "node:fs";
import { parseFrontmatter as oldF } from "../src/core/zz-old-frontmatter.ts";
import { parseFrontmatter as newF } from "../src/core/frontmatter.ts";
const rows = readFileSync("/work/shared/corpus/skills.jsonl","utf8").trim().split("\n").map(l=>JSON.parse(l).text as string);
let seed = 7; const rnd=(n:number)=>{ seed=(Math.imul(seed,1103515245)+12345)>>>0; return (seed>>>8)%n; };
const bits=["---","\n---\n",": ","\n"," ","#","'",'"',"{","}","[","]",",","*a","&a ","- ","? ","\u2028","\t","|","description: a: b\n","metadata:","name: x\n","summary: *x y\n","read_when: q: z\n","a: 1\n","\r\n","key","null","0","!t "];
const norm=(v:any)=>JSON.stringify(v.ok?{ok:true,v:[...v.values]}:{ok:false,e:v.error});
let n=0,diff=0,ok=0; const end=Date.now()+60000;
while(Date.now()<end){ let t=rows[rnd(rows.length)]!; t=t.slice(0,2500); if(!/\n---/.test(t.slice(4))) t+="\n---\n"; const k=1+rnd(4); for(let i=0;i<k;i++){ const fm=t.indexOf("\n---",4); const at=rnd(Math.max(10,fm+6)); const m=rnd(3); if(m===0) t=t.slice(0,at)+bits[rnd(bits.length)]+t.slice(at); else if(m===1) t=t.slice(0,at)+t.slice(at+1+rnd(5)); else { const l=rnd(60), from=rnd(Math.max(10,fm)); t=t.slice(0,at)+t.slice(from,from+l)+t.slice(at);} }
 n++; let a:string,b:string; try{a=norm(oldF(t));}catch(e){a="T"+e} try{b=norm(newF(t));}catch(e){b="T"+e} if(a.startsWith('{"ok":true'))ok++; if(a!==b){diff++; if(diff<8) console.log("DIFF",JSON.stringify(t.slice(0,600)),"\nOLD",a.slice(0,300),"\nNEW",b.slice(0,300));} }
console.log({n,ok,diff});
