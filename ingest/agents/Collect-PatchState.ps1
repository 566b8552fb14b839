<#
.SYNOPSIS
    Collects what Windows knows about its updates into one .zip, and sends it to a patchlens gateway.

.DESCRIPTION
    One file for Windows PowerShell 5.1, without modules. Gathers, as far as each is there:
    WindowsUpdate.log (decoded), CBS, DISM, Panther and SetupDiag logs, ReportingEvents.log, the client
    logs of Configuration Manager, four event logs, services, installed updates, the exact build, the
    time zone, disks and partitions with their free space, and the names of security products.
    What cannot be gathered is named in collect-errors.txt inside the .zip; the rest is sent.

    Must run elevated: the event logs and CBS.log are closed to others.

    Not run where it was written, for want of a Windows: the syntax is checked by a parser, and a
    bundle of the same layout is read in a test. In particular the registration of the task and the
    behaviour behind a proxy have not been seen on a device.

.PARAMETER Gateway
    Base address of the gateway, such as https://patchlens.example:8090. Without it the .zip stays.

.PARAMETER TokenFile
    File with the token for the gateway. Keep it readable for administrators and SYSTEM only.

.PARAMETER AllowHttp
    Sends the token over plain HTTP, as on a network of its own. Without it only https:// is spoken.

.PARAMETER OutputDirectory
    Where the .zip is made. Default: %ProgramData%\patchlens.

.PARAMETER Register
    Registers a task that runs this script every day as SYSTEM, with the other parameters given here,
    and ends without collecting.

.PARAMETER At
    Time of day of that task. Default: 12:00. Each device waits up to two hours more.

.EXAMPLE
    .\Collect-PatchState.ps1
    Leaves %ProgramData%\patchlens\<computer>.zip, for `patchlens diagnose` or `patchlens collect`.

.EXAMPLE
    .\Collect-PatchState.ps1 -Gateway https://patchlens.example:8090 -TokenFile C:\ProgramData\patchlens\token -Register
#>
[CmdletBinding()]
param(
    [string] $Gateway = '',
    [string] $TokenFile = '',
    [switch] $AllowHttp,
    [string] $OutputDirectory = (Join-Path $env:ProgramData 'patchlens'),
    [switch] $Register,
    [string] $At = '12:00'
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

if ($Gateway -and $Gateway -notmatch '^https://' -and -not $AllowHttp) {
    throw "$Gateway is not https://: a token would be readable on its way. -AllowHttp sends it all the same."
}

if ($Register) {
    $arguments = '-NoProfile -NonInteractive -ExecutionPolicy Bypass -File "{0}" -OutputDirectory "{1}"' -f $PSCommandPath, $OutputDirectory
    if ($Gateway) { $arguments += ' -Gateway "{0}" -TokenFile "{1}"' -f $Gateway, $TokenFile }
    if ($AllowHttp) { $arguments += ' -AllowHttp' }
    $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument $arguments
    $trigger = New-ScheduledTaskTrigger -Daily -At $At -RandomDelay (New-TimeSpan -Hours 2)
    $principal = New-ScheduledTaskPrincipal -UserId 'SYSTEM' -LogonType ServiceAccount -RunLevel Highest
    $settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -ExecutionTimeLimit (New-TimeSpan -Hours 1) -MultipleInstances IgnoreNew
    Register-ScheduledTask -TaskName 'patchlens collect' -Action $action -Trigger $trigger -Principal $principal -Settings $settings -Force | Out-Null
    Write-Output 'The task "patchlens collect" is registered.'
    exit 0
}

$computer = $env:COMPUTERNAME
$work = Join-Path $OutputDirectory 'work'
$bundle = Join-Path $OutputDirectory ($computer + '.zip')
$failures = New-Object System.Collections.ArrayList

# Runs one step; what fails is noted, and the next step is taken.
function Invoke-Step([string] $Name, [scriptblock] $Work) {
    try { & $Work } catch { [void] $failures.Add(('{0}: {1}' -f $Name, $_.Exception.Message)) }
}

# Copies a log that a service may hold open.
function Copy-Log([string] $From, [string] $Folder) {
    $target = Join-Path $work $Folder
    if (-not (Test-Path -LiteralPath $target)) { New-Item -ItemType Directory -Path $target | Out-Null }
    foreach ($file in @(Get-ChildItem -Path $From -File -Force -ErrorAction SilentlyContinue)) {
        Invoke-Step $file.FullName {
            $source = [System.IO.File]::Open($file.FullName, 'Open', 'Read', 'ReadWrite, Delete')
            try {
                $copy = [System.IO.File]::Create((Join-Path $target $file.Name))
                try { $source.CopyTo($copy) } finally { $copy.Dispose() }
            } finally { $source.Dispose() }
        }
    }
}

# UTF-8 without a mark, whatever the version of PowerShell.
function Write-Text([string] $Name, [string] $Text) {
    [System.IO.File]::WriteAllText((Join-Path $work $Name), $Text)
}

if (Test-Path -LiteralPath $work) { Remove-Item -LiteralPath $work -Recurse -Force }
New-Item -ItemType Directory -Path $work -Force | Out-Null

# ---- Logs ----------------------------------------------------------------------------------------
Invoke-Step 'WindowsUpdate.log' {
    Get-WindowsUpdateLog -LogPath (Join-Path $work 'WindowsUpdate.log') -ErrorAction Stop *>&1 | Out-Null
}
Copy-Log "$env:windir\WindowsUpdate.log" 'Windows7'
Copy-Log "$env:windir\Logs\CBS\*.log" 'CBS'
Copy-Log "$env:windir\Logs\CBS\CbsPersist_*.cab" 'CBS'
Copy-Log "$env:windir\Logs\DISM\*.log" 'DISM'
Copy-Log "$env:windir\Logs\SetupDiag\SetupDiagResults.*" 'SetupDiag'
Copy-Log "$env:windir\SoftwareDistribution\ReportingEvents.log" 'SoftwareDistribution'
Copy-Log "$env:windir\Panther\setup*.log" 'Panther'
Copy-Log "$env:windir\Panther\NewOs\setup*.log" 'Panther-NewOs'
Copy-Log "$env:SystemDrive\`$WINDOWS.~BT\Sources\Panther\setup*.log" 'BT-Panther'
Copy-Log "$env:SystemDrive\`$WINDOWS.~BT\Sources\Rollback\setup*.log" 'BT-Rollback'
foreach ($name in 'WUAHandler', 'UpdatesDeployment', 'UpdatesHandler', 'UpdatesStore', 'WindowsUpdate', 'ScanAgent') {
    Copy-Log "$env:windir\CCM\Logs\$name*.log" 'CCM'
}

# ---- Event logs ----------------------------------------------------------------------------------
New-Item -ItemType Directory -Path (Join-Path $work 'EventLogs') | Out-Null
foreach ($channel in 'System', 'Setup', 'Application', 'Microsoft-Windows-WindowsUpdateClient/Operational') {
    Invoke-Step $channel {
        $target = Join-Path $work ('EventLogs\{0}.evtx' -f $channel.Replace('/', '%4'))
        & "$env:windir\System32\wevtutil.exe" epl $channel $target 2>&1 | Out-Null
        if ($LASTEXITCODE -ne 0) { throw "wevtutil ended with $LASTEXITCODE" }
    }
}

# ---- What the device is --------------------------------------------------------------------------
$facts = [ordered]@{
    device_name  = $computer
    collected_at = [DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ssZ')
    collector    = 'Collect-PatchState.ps1'
}
Invoke-Step 'build' {
    $version = Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
    $os = Get-CimInstance -ClassName Win32_OperatingSystem
    $revision = if ($version.PSObject.Properties['UBR']) { '.{0}' -f $version.UBR } else { '' }
    $facts['os_build'] = '{0}{1}' -f $os.Version, $revision
    $facts['os_name'] = $os.Caption
    $facts['os_edition'] = $version.EditionID
    $facts['architecture'] = $os.OSArchitecture
    $facts['utc_offset_minutes'] = [int] [TimeZoneInfo]::Local.GetUtcOffset([DateTime]::Now).TotalMinutes
    $facts['locale'] = (Get-Culture).Name
}
Invoke-Step 'computer' {
    $system = Get-CimInstance -ClassName Win32_ComputerSystem
    $facts['manufacturer'] = $system.Manufacturer
    $facts['model'] = $system.Model
    $facts['domain'] = $system.Domain
}
Invoke-Step 'space' {
    $space = [ordered]@{}
    # Without a letter: the partitions for recovery and start, named by their kind.
    $kinds = @{
        '{de94bba4-06d1-4d40-a16a-bfd50179d6ac}' = 'recovery partition'
        '{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}' = 'EFI system partition'
    }
    foreach ($partition in @(Get-Partition)) {
        $volume = Get-Volume -Partition $partition -ErrorAction SilentlyContinue
        if (-not $volume) { continue }
        $name = ''
        if ([string] $partition.DriveLetter -match '[A-Z]') {
            $name = '{0}:' -f $partition.DriveLetter
        } elseif ($partition.GptType -and $kinds.ContainsKey([string] $partition.GptType)) {
            $name = $kinds[[string] $partition.GptType]
        } elseif ($partition.IsActive) {
            $name = 'system reserved partition'
        }
        if ($name -and -not $space.Contains($name)) { $space[$name] = [int64] [math]::Floor($volume.SizeRemaining / 1048576) }
    }
    $facts['free_space_mb'] = $space
}
Invoke-Step 'security products' {
    # Servers have no Security Center: there, the filter drivers that scan files tell.
    try {
        $products = @(Get-CimInstance -Namespace 'root/SecurityCenter2' -ClassName AntiVirusProduct | ForEach-Object { $_.displayName })
    } catch {
        $products = @(Get-ChildItem -LiteralPath 'HKLM:\SYSTEM\CurrentControlSet\Services' |
            Where-Object { [string] $_.GetValue('Group') -eq 'FSFilter Anti-Virus' } | ForEach-Object { $_.PSChildName })
    }
    $facts['security_products'] = @($products | Sort-Object -Unique)
}
Invoke-Step 'services' {
    $start = [ordered]@{}
    foreach ($name in 'wuauserv', 'BITS', 'UsoSvc', 'WaaSMedicSvc', 'DoSvc', 'cryptsvc', 'TrustedInstaller', 'msiserver', 'appidsvc') {
        $key = 'HKLM:\SYSTEM\CurrentControlSet\Services\{0}' -f $name
        if (Test-Path -LiteralPath $key) { $start[$name] = [int] (Get-ItemProperty -LiteralPath $key).Start }
    }
    $facts['services'] = $start
    $columns = @('Name', 'StartMode', 'State')
    $rows = Get-CimInstance -ClassName Win32_Service | Select-Object -Property $columns | ConvertTo-Csv -NoTypeInformation
    Write-Text 'services.csv' ($rows -join "`r`n")
}
Invoke-Step 'updates' {
    $lines = New-Object System.Collections.ArrayList
    [void] $lines.Add('"HotFixID","Description","InstalledOn"')
    foreach ($update in @(Get-CimInstance -ClassName Win32_QuickFixEngineering)) {
        $day = ''
        if ($update.InstalledOn) { $day = $update.InstalledOn.ToString('yyyy-MM-dd') }
        [void] $lines.Add(('"{0}","{1}","{2}"' -f $update.HotFixID, $update.Description, $day))
    }
    Write-Text 'hotfix.csv' ($lines -join "`r`n")
}
Invoke-Step 'policies' {
    $target = Join-Path $work 'registry.txt'
    $reg = "$env:windir\System32\reg.exe"
    foreach ($key in 'SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate', 'SYSTEM\CurrentControlSet\Control\TimeZoneInformation', 'SYSTEM\Setup\SetupDiag') {
        # What reg.exe says about a missing key would end the step.
        if (Test-Path -LiteralPath "HKLM:\$key") {
            & $reg query "HKLM\$key" /s | Out-File -FilePath $target -Append -Encoding utf8
        }
    }
}
Write-Text 'device.json' ($facts | ConvertTo-Json -Depth 4)
if ($failures.Count -gt 0) { Write-Text 'collect-errors.txt' ($failures -join "`r`n") }

# ---- Pack and send -------------------------------------------------------------------------------
Add-Type -AssemblyName System.IO.Compression.FileSystem
if (Test-Path -LiteralPath $bundle) { Remove-Item -LiteralPath $bundle -Force }
[System.IO.Compression.ZipFile]::CreateFromDirectory($work, $bundle)
Remove-Item -LiteralPath $work -Recurse -Force

if (-not $Gateway) {
    Write-Output $bundle
    exit 0
}

[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
$headers = @{}
if ($TokenFile) { $headers['Authorization'] = 'Bearer ' + [System.IO.File]::ReadAllText($TokenFile).Trim() }
$uri = '{0}/ingest/v1/bundles?name={1}' -f $Gateway.TrimEnd('/'), [Uri]::EscapeDataString($computer + '.zip')
$attempts = 8
for ($attempt = 1; $attempt -le $attempts; $attempt++) {
    $wait = [math]::Min(30 * [math]::Pow(2, $attempt - 1), 900)
    try {
        $answer = Invoke-WebRequest -Uri $uri -Method Post -InFile $bundle -ContentType 'application/zip' -Headers $headers -UseBasicParsing -TimeoutSec 900
        Write-Output ('sent: {0}' -f $answer.StatusCode)
        Remove-Item -LiteralPath $bundle -Force
        exit 0
    } catch {
        $status = 0
        $response = $_.Exception | Select-Object -ExpandProperty Response -ErrorAction SilentlyContinue
        if ($response) {
            $status = [int] $response.StatusCode
            $after = 0
            if ([int]::TryParse([string] $response.Headers['Retry-After'], [ref] $after) -and $after -gt 0) { $wait = [math]::Min($after, 3600) }
        }
        Write-Warning ('attempt {0} of {1}: {2}' -f $attempt, $attempts, $_.Exception.Message)
        # What the gateway refuses for good does not get better by waiting.
        if ($status -ge 400 -and $status -lt 500 -and $status -notin 408, 429) { break }
        if ($attempt -lt $attempts) { Start-Sleep -Seconds ($wait + (Get-Random -Maximum 30)) }
    }
}
Write-Warning ('not sent; the bundle stays at {0}' -f $bundle)
exit 1
