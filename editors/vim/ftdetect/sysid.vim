" Specs of sysidc.
autocmd BufRead,BufNewFile *.sysid setfiletype sysid
